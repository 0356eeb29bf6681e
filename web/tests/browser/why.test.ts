/** Explanations: the page's maps and colours agree with Python's, and its panel is accessible. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { colorFace, scaleOf } from '../../src/ui/evidence';
import { PAGE, isThere, ready, visit } from './browser';
import { ENGINES } from './compare';
import { startHost } from './host';
import { faults, overflow } from './looks';

const BUILD = resolve(import.meta.dirname, '../../build');
const MATERIAL = join(BUILD, 'parity');
const OWN = join(BUILD, 'own');
const CAMERA = join(BUILD, 'films/camera.mjpeg');
const isMade = existsSync(join(MATERIAL, 'why.json'));

/** In log-odds, at each cell. */
const MAX_EVIDENCE_DIFFERENCE = 0.02;
/** In log-odds of the prediction: near 0 and 1, float32 leaves few digits of a probability. */
const MAX_SUM_DIFFERENCE = 0.1;
/** In levels, of 256. */
const MAX_LEVEL_DIFFERENCE = 2;

interface Explained {
  readonly file: string;
  readonly faces: readonly {
    readonly face: object;
    readonly emotion: string;
    readonly evidence: readonly (readonly number[])[];
    readonly log_odds: number;
    readonly constant: number;
    readonly method: string;
    readonly shift: number;
  }[];
}

const read = (name: string) => JSON.parse(readFileSync(join(MATERIAL, name), 'utf8'));

async function saved(page: Page): Promise<Explained> {
  await page.click('#download');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save-why')]);
  return JSON.parse(readFileSync(await download.path(), 'utf8')) as Explained;
}

/** The largest difference of any cell; the sums are checked too. */
function difference(ours: Explained, python: Explained): number {
  expect(ours.file).toBe(python.file);
  expect(ours.faces).toHaveLength(python.faces.length);
  let largest = 0;
  for (const [k, { evidence, ...other }] of python.faces.entries()) {
    const here = ours.faces[k]!;
    expect(Object.keys(here)).toEqual(Object.keys(python.faces[k]!));
    expect([here.emotion, here.method, here.shift]).toEqual([other.emotion, other.method, other.shift]);
    expect(here.evidence.map((row) => row.length)).toEqual(evidence.map((row) => row.length));
    expect(Math.abs(here.log_odds - other.log_odds)).toBeLessThan(MAX_SUM_DIFFERENCE);
    expect(Math.abs(here.constant - other.constant)).toBeLessThan(MAX_SUM_DIFFERENCE);
    const differences = evidence.flatMap((row, y) => row.map((value, x) => Math.abs(value - here.evidence[y]![x]!)));
    largest = Math.max(largest, ...differences);
  }
  return largest;
}

test.skipIf(!isThere || !isMade).each(ENGINES)('Python and the page agree: %s', async (engine, maxPixels) => {
  const images = read('expected.json') as { file: string; width: number; height: number }[];
  const pixels = new Map(images.map(({ file, width, height }) => [file, width * height]));
  const all = read('why.json') as [Explained, Explained][];
  const expected = all.filter(([{ file }]) => pixels.get(file)! < maxPixels);
  const host = await startHost(PAGE);
  const flags = engine === 'webgpu' ? ['--enable-unsafe-webgpu'] : [];
  const { page, errors, end } = await visit(`${host.address}?engine=${engine}`, { flags });
  await ready(page);
  await page.setInputFiles('#files', expected.map(([{ file }]) => join(MATERIAL, file)));
  let [largest, faces] = [0, 0];
  for (const [k, [predicted, other]] of expected.entries()) {
    if (expected.length > 1) await page.click(`.cell >> nth=${k}`);
    const hasCards = (count: number) => document.querySelectorAll('.card').length === count;
    await page.waitForFunction(hasCards, predicted.faces.length, { timeout: 120_000 });
    largest = Math.max(largest, difference(await saved(page), predicted));
    for (let card = 0; card < other.faces.length; card += 1) {
      await page.click(`.why-toggle >> nth=${card}`);
      await page.selectOption(`.why select >> nth=${card}`, other.faces[card]!.emotion);
    }
    largest = Math.max(largest, difference(await saved(page), other));
    faces += predicted.faces.length;
  }
  const counts = `${expected.length} images, ${faces} faces, 2 maps each`;
  console.log(`${engine}: ${counts}; largest difference ${largest.toFixed(5)} log-odds`);
  expect(faces).toBeGreaterThan(4);
  expect(largest).toBeLessThan(MAX_EVIDENCE_DIFFERENCE);
  expect(errors).toEqual([]);
  await end();
  await host.close();
}, 400_000);

test.skipIf(!isThere || !existsSync(OWN)).each(['three', 'hundred'])('a model without features: %s', async (name) => {
  const expected = JSON.parse(readFileSync(join(OWN, `${name}-why.json`), 'utf8')) as Explained;
  const host = await startHost(join(OWN, name));
  const { page, errors, end } = await visit(host.address, { options: { viewport: { width: 320, height: 800 } } });
  await ready(page);
  await page.setInputFiles('#files', join(MATERIAL, expected.file));
  await page.waitForSelector('.card');
  expect(expected.faces[0]!.method).toBe('occlusion');
  expect(difference(await saved(page), expected)).toBeLessThan(MAX_EVIDENCE_DIFFERENCE);
  await page.click('.why-toggle');
  await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.width > 1);
  expect(await page.locator('.why').textContent()).toContain('when one of 64 places is covered');
  await page.locator('.why select').selectOption({ index: 0 }); // the longest name of the hundred
  expect(await overflow(page)).toBe(0);
  expect(errors).toEqual([]);
  await end();
  await host.close();
}, 90_000);

test.skipIf(!isMade)('the colours agree with Python', () => {
  const { face, evidence, scale, shift, drawn } = read('colors.json');
  expect(scaleOf(evidence)).toBeCloseTo(scale, 5);
  const side = Math.sqrt(face.length);
  const image = { width: side, height: side, channels: 1, data: Uint8Array.from(face) } as const;
  const ours = colorFace(image, evidence, scale, shift);
  const levels = (drawn as number[]).map((value, k) => Math.abs(value - ours[4 * Math.floor(k / 3) + (k % 3)]!));
  // A pixel near the outline may be inside it here and outside it in Python.
  const far = levels.filter((level) => level > MAX_LEVEL_DIFFERENCE).length;
  const usual = Math.max(...levels.filter((level) => level <= MAX_LEVEL_DIFFERENCE));
  console.log(`${levels.length} values, largest usual difference ${usual}, ${far} beyond`);
  expect(far).toBeLessThan(levels.length / 500);
});

describe.skipIf(!isThere)('the explanation on a card', () => {
  test.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 320],
    ['dark', 390],
  ] as const)('%s, %i pixels wide: by keyboard and screen reader', async (colorScheme, width) => {
    const host = await startHost(PAGE);
    const options = { colorScheme, viewport: { width, height: 844 }, reducedMotion: 'reduce' } as const;
    const { page, errors, end } = await visit(host.address, { options });
    await ready(page);
    await page.click('#examples button >> nth=0');
    await page.waitForFunction(() => document.querySelectorAll('.card').length === 3);
    const toggle = page.locator('.why-toggle').first();
    expect(await toggle.getAttribute('aria-label')).toBe('Why happy? Face 1');
    await page.locator('.card').first().focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await toggle.getAttribute('aria-expanded')).toBe('true');
    const drawn = page.locator('.why > canvas').first();
    await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.width > 1);
    expect(await drawn.getAttribute('aria-label')).toMatch(
      /^The face in the colours of its evidence\. Most for happy: [a-z ]+, \+\d\.\d\d\. /,
    );
    expect(await page.locator('#announcer').textContent()).toMatch(/^Why happy\? Most for happy: /);
    await page.keyboard.press('Tab');
    await page.keyboard.press('s'); // sad, the first one below happy
    await page.waitForFunction(() => /^Why sad\?/.test(document.getElementById('announcer')!.textContent!));
    expect(await drawn.getAttribute('aria-label')).toContain('sad');
    expect(await overflow(page)).toBe(0);
    expect(await faults(page)).toEqual([]);
    await toggle.click();
    expect(await page.locator('.why').first().isVisible()).toBe(false);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 180_000);

  test.skipIf(!existsSync(CAMERA))('the camera: the explanation follows the face, and stays while paused', async () => {
    const host = await startHost(PAGE);
    const { page, errors, end } = await visit(host.address, { cameraVideo: CAMERA });
    await ready(page);
    await page.keyboard.press('c');
    await page.waitForSelector('.card');
    await page.click('.why-toggle >> nth=0');
    const drawing = () => page.evaluate(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.toDataURL());
    await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.width > 1);
    const first = await drawing();
    await expect.poll(drawing, { timeout: 20_000 }).not.toBe(first);
    await page.click('#pause');
    await page.waitForTimeout(1500); // a pending explanation may still arrive
    const still = await drawing();
    await page.selectOption('.why select >> nth=0', 'fear');
    await page.waitForFunction(() => /fear/.test(document.querySelector('.why > canvas')!.getAttribute('aria-label')!));
    expect(await drawing()).not.toBe(still);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 180_000);
});
