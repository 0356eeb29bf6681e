/** Forty images through Python and the page: scripts/page_parity.py wrote them and what `moue.analyze` says. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { Result } from '../../src/results/tables';
import { PAGE, isThere, ready, visit } from './browser';
import { compare } from './compare';
import { startHost } from './host';

const MATERIAL = resolve(import.meta.dirname, '../../build/parity');

/** Chromium's software imitation of a graphics processor is very slow: the smallest images have to do. */
const ENGINES = [
  ['wasm', Infinity],
  ['webgpu', 25_000],
] as const;

test.skipIf(!isThere || !existsSync(MATERIAL)).each(ENGINES)('Python and the page agree: %s', async (engine, mostPixels) => {
  const all = JSON.parse(readFileSync(join(MATERIAL, 'expected.json'), 'utf8')) as Result[];
  const expected = all.filter(({ width, height }) => width * height < mostPixels);
  const host = await startHost(PAGE);
  const flags = engine === 'webgpu' ? ['--enable-unsafe-webgpu'] : [];
  const { page, errors, end } = await visit(`${host.address}?engine=${engine}`, { flags });
  await ready(page);
  expect(await page.evaluate(() => document.documentElement.dataset.engine)).toBe(`ready ${engine} 1`);
  await compare(page, engine, expected.map(({ file }) => join(MATERIAL, file)), expected);
  expect(errors).toEqual([]);
  await end();
  await host.close();
}, 300_000);
