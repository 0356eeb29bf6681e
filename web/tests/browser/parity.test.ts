/** Forty images through Python and the page: scripts/page_parity.py wrote them and what `moue.analyze` says. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'vitest';
import type { Result } from '../../src/results/tables';
import { PAGE, isThere } from './browser';
import { ENGINES, agree } from './compare';

const MATERIAL = resolve(import.meta.dirname, '../../build/parity');

test.skipIf(!isThere || !existsSync(MATERIAL)).each(ENGINES)('Python and the page agree: %s', async (engine, mostPixels) => {
  const all = JSON.parse(readFileSync(join(MATERIAL, 'expected.json'), 'utf8')) as Result[];
  const expected = all.filter(({ width, height }) => width * height < mostPixels);
  await agree(PAGE, engine, expected, (file) => join(MATERIAL, file));
}, 300_000);
