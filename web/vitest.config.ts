/** Tests run one file after the other: each drives a browser, and they would slow each other down. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['tests/**/*.test.ts'], fileParallelism: false, testTimeout: 60_000 },
});
