/** Forty images in Python and the page: scripts/page_parity.py wrote them and the results of `moue.analyze`. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'vitest';
import type { Result } from '../../src/results/tables';
import { PAGE, isThere } from './browser';
import { ENGINES, expectAgreement } from './compare';

const MATERIAL = resolve(import.meta.dirname, '../../build/parity');

const isMade = existsSync(MATERIAL);

test.skipIf(!isThere || !isMade).each(ENGINES)('Python and the page agree: %s', async (engine, maxPixels) => {
  const all = JSON.parse(readFileSync(join(MATERIAL, 'expected.json'), 'utf8')) as Result[];
  const expected = all.filter(({ width, height }) => width * height < maxPixels);
  await expectAgreement(PAGE, engine, expected, (file) => join(MATERIAL, file));
}, 300_000);
