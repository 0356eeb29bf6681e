/** Why: the maps of the page are those of Python, are drawn in its colours, and can be reached by everybody. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { colorFace, scaleOf } from '../../src/ui/evidence';
import { PAGE, isThere, ready, visit } from './browser';
import { startHost } from './host';
import { faults, overflow } from './looks';

const BUILD = resolve(import.meta.dirname, '../../build');
const MATERIAL = join(BUILD, 'parity');
const OWN = join(BUILD, 'own');
const CAMERA = join(BUILD, 'films/camera.mjpeg');
const isMade = existsSync(join(MATERIAL, 'why.json'));

/** In log-odds, at each place. */
const MOST_EVIDENCE = 0.02;
/** Of the log-odds of the answer: near 0 and 1, float32 leaves few digits of a probability. */
const MOST_SUM = 0.1;
/** In levels of 256. */
const MOST_COLOR = 2;

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

/** The largest difference of any place; the sums are checked. */
function difference(ours: Explained, python: Explained): number {
  expect(ours.file).toBe(python.file);
  expect(ours.faces).toHaveLength(python.faces.length);
  let most = 0;
  for (const [k, { evidence, ...other }] of python.faces.entries()) {
    const here = ours.faces[k]!;
    expect(Object.keys(here)).toEqual(Object.keys(python.faces[k]!));
    expect([here.emotion, here.method, here.shift]).toEqual([other.emotion, other.method, other.shift]);
    expect(here.evidence.map((row) => row.length)).toEqual(evidence.map((row) => row.length));
    expect(Math.abs(here.log_odds - other.log_odds)).toBeLessThan(MOST_SUM);
    expect(Math.abs(here.constant - other.constant)).toBeLessThan(MOST_SUM);
    evidence.forEach((row, y) => row.forEach((value, x) => (most = Math.max(most, Math.abs(value - here.evidence[y]![x]!)))));
  }
  return most;
}

/** Chromium's software imitation of a graphics processor is very slow: the smallest images have to do. */
const ENGINES = [
  ['wasm', Infinity],
  ['webgpu', 25_000],
] as const;

test.skipIf(!isThere || !isMade).each(ENGINES)('Python and the page give the same reasons: %s', async (engine, mostPixels) => {
  const sizes = new Map((read('expected.json') as { file: string; width: number; height: number }[]).map((one) => [one.file, one]));
  const all = read('why.json') as [Explained, Explained][];
  const expected = all.filter(([{ file }]) => sizes.get(file)!.width * sizes.get(file)!.height < mostPixels);
  const host = await startHost(PAGE);
  const flags = engine === 'webgpu' ? ['--enable-unsafe-webgpu'] : [];
  const { page, errors, end } = await visit(`${host.address}?engine=${engine}`, { flags });
  await ready(page);
  await page.setInputFiles('#files', expected.map(([{ file }]) => join(MATERIAL, file)));
  let [most, faces] = [0, 0];
  for (const [k, [named, other]] of expected.entries()) {
    if (expected.length > 1) await page.click(`.cell >> nth=${k}`);
    await page.waitForFunction((count) => document.querySelectorAll('.card').length === count, named.faces.length, { timeout: 120_000 });
    most = Math.max(most, difference(await saved(page), named));
    for (let card = 0; card < other.faces.length; card += 1) {
      await page.click(`.why-toggle >> nth=${card}`);
      await page.selectOption(`.why select >> nth=${card}`, other.faces[card]!.emotion);
    }
    most = Math.max(most, difference(await saved(page), other));
    faces += named.faces.length;
  }
  console.log(`${engine}: ${expected.length} images, ${faces} faces, 2 maps each; largest difference ${most.toFixed(5)} log-odds`);
  expect(faces).toBeGreaterThan(4);
  expect(most).toBeLessThan(MOST_EVIDENCE);
  expect(errors).toEqual([]);
  await end();
  await host.close();
}, 400_000);

test.skipIf(!isThere || !existsSync(OWN)).each(['three', 'hundred'])('a network without features: %s', async (name) => {
  const expected = JSON.parse(readFileSync(join(OWN, `${name}-why.json`), 'utf8')) as Explained;
  const host = await startHost(join(OWN, name));
  const { page, errors, end } = await visit(host.address, { options: { viewport: { width: 320, height: 800 } } });
  await ready(page);
  await page.setInputFiles('#files', join(MATERIAL, expected.file));
  await page.waitForSelector('.card');
  expect(expected.faces[0]!.method).toBe('occlusion');
  expect(difference(await saved(page), expected)).toBeLessThan(MOST_EVIDENCE);
  await page.click('.why-toggle');
  await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.width > 1);
  expect(await page.locator('.why').textContent()).toContain('when one of 64 places is covered');
  await page.locator('.why select').selectOption({ index: 0 }); // the longest name of the hundred
  expect(await overflow(page)).toBe(0);
  expect(errors).toEqual([]);
  await end();
  await host.close();
}, 90_000);

test.skipIf(!isMade)('the colours are those of Python', () => {
  const { face, evidence, scale, shift, drawn } = read('colors.json');
  expect(scaleOf(evidence)).toBeCloseTo(scale, 5);
  const side = Math.sqrt(face.length);
  const ours = colorFace({ width: side, height: side, channels: 1, data: Uint8Array.from(face) }, evidence, scale, shift);
  const levels = (drawn as number[]).map((value, k) => Math.abs(value - ours[4 * Math.floor(k / 3) + (k % 3)]!));
  // At the outline a place may be in on one side and out on the other.
  const far = levels.filter((level) => level > MOST_COLOR).length;
  console.log(`${levels.length} values, largest usual difference ${Math.max(...levels.filter((level) => level <= MOST_COLOR))}, ${far} beyond`);
  expect(far).toBeLessThan(levels.length / 500);
});

describe.skipIf(!isThere)('why, on the card', () => {
  test.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 320],
    ['dark', 390],
  ] as const)('%s, %i pixels wide: by keyboard and by ear', async (colorScheme, width) => {
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
    expect(await drawn.getAttribute('aria-label')).toMatch(/^The face in the colours of its evidence\. Most for happy: [a-z ]+, \+\d\.\d\d\. /);
    expect(await page.locator('#said').textContent()).toMatch(/^Why happy\? Most for happy: /);
    await page.keyboard.press('Tab');
    await page.keyboard.press('s'); // sad, the first one below happy
    await page.waitForFunction(() => /^Why sad\?/.test(document.getElementById('said')!.textContent!));
    expect(await drawn.getAttribute('aria-label')).toContain('sad');
    expect(await overflow(page)).toBe(0);
    expect(await faults(page)).toEqual([]);
    await toggle.click();
    expect(await page.locator('.why').first().isVisible()).toBe(false);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 180_000);

  test.skipIf(!existsSync(CAMERA))('the camera: the reasons follow the face, and stay while it pauses', async () => {
    const host = await startHost(PAGE);
    const { page, errors, end } = await visit(host.address, { film: CAMERA });
    await ready(page);
    await page.keyboard.press('c');
    await page.waitForSelector('.card');
    await page.click('.why-toggle >> nth=0');
    const drawing = () => page.evaluate(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.toDataURL());
    await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.width > 1);
    const first = await drawing();
    await expect.poll(drawing, { timeout: 20_000 }).not.toBe(first);
    await page.click('#pause');
    await page.waitForTimeout(1500); // what is under way may still arrive
    const still = await drawing();
    await page.selectOption('.why select >> nth=0', 'fear');
    await page.waitForFunction(() => /fear/.test(document.querySelector('.why > canvas')!.getAttribute('aria-label')!));
    expect(await drawing()).not.toBe(still);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 180_000);
});
