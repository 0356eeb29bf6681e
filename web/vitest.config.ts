/**
 * Test files run one after the other: each drives a browser, and they would slow each other down. On a busy machine a
 * browser may be slow, so a failed test is run once more.
 */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['tests/**/*.test.ts'], fileParallelism: false, retry: 1, testTimeout: 60_000 },
});
