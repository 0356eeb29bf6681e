/**
 * The page with YuNet: tests/helpers/page_yunet.py wrote it and the results of `moue.analyze` with YuNet. Skipped if
 * Python has no YuNet, because its weights are not in the repository.
 */

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PageModel } from '../../src/recognition/spec';
import type { Result } from '../../src/results/tables';
import { isThere, ready, visit } from './browser';
import { ENGINES, expectAgreement, saved } from './compare';
import { startHost } from './host';
import { watch } from './videos';

const BUILD = resolve(import.meta.dirname, '../../build');
const YUNET = join(BUILD, 'yunet');
const VIDEOS = join(BUILD, 'films');
const SITE = join(YUNET, 'page');

describe.skipIf(!isThere || !existsSync(YUNET))('YuNet, if MOUE_MODELS or the cache has it', () => {
  test.each(ENGINES)('Python and the page agree: %s', async (engine, maxPixels) => {
    const all = JSON.parse(readFileSync(join(YUNET, 'expected.json'), 'utf8')) as Result[];
    const expected = all.filter(({ width, height }) => width * height < maxPixels);
    const pathOf = (file: string) => join(existsSync(join(YUNET, file)) ? YUNET : join(BUILD, 'parity'), file);
    const rows = await expectAgreement(SITE, engine, expected, pathOf);
    const column = rows[0]!.split(',').indexOf('detector');
    const detectors = rows.slice(1).map((row) => row.split(',')[column]);
    expect(new Set(detectors)).toEqual(new Set(expected.map(({ detector }) => detector)));
  }, 300_000);

  test('YuNet replaces the built-in detector, and works offline', async () => {
    const { detector, file } = JSON.parse(readFileSync(join(SITE, 'model.json'), 'utf8')) as PageModel;
    const host = await startHost(SITE);
    const { page, errors, end } = await visit(host.address);
    await ready(page);
    expect(await page.locator('#about').textContent()).toContain('detector yunet.');
    const networks = () => host.requested.filter((path) => path.endsWith('.onnx')).sort();
    expect(networks()).toEqual([`/${detector!.file}`, `/${file}`].sort());
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    expect(networks()).toHaveLength(2);
    await host.close();
    await page.reload();
    await ready(page);
    await page.click('#examples button >> nth=0');
    await page.waitForFunction(() => document.querySelectorAll('.card').length === 3);
    expect(errors).toEqual([]);
    await end();
  }, 90_000);

  test.skipIf(!existsSync(VIDEOS))('the camera and a video file: people, landmarks, detector column', async () => {
    const host = await startHost(SITE);
    const { page, errors, end } = await visit(host.address, { cameraVideo: join(VIDEOS, 'camera.mjpeg') });
    await ready(page);
    await page.click('#camera');
    await page.waitForFunction(() => Number(document.getElementById('rate')?.dataset.frames) > 9);
    await page.keyboard.press(' ');
    const { results } = JSON.parse(await saved(page, 'json')) as { results: Result[] };
    const faces = results.flatMap((result) => result.faces);
    expect(new Set(results.map(({ detector }) => detector))).toEqual(new Set(['yunet']));
    expect(faces.length).toBeGreaterThan(0.8 * results.length);
    expect(new Set(faces.map((face) => 'track_id' in face && face.track_id))).toEqual(new Set([1]));
    expect(faces.every(({ landmarks }) => landmarks?.length === 5)).toBe(true);
    await page.keyboard.press('Escape');
    const labels = await watch(page, join(VIDEOS, 'film.webm'), 0.15);
    expect(labels).toHaveLength(2);
    expect(labels[1]).toMatch(/^Person 2: on average surprise \d+ %/);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 120_000);

  test('an unknown detector is reported as an error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'moue-yunet-'));
    cpSync(SITE, folder, { recursive: true });
    const text = readFileSync(join(SITE, 'model.json'), 'utf8').replace('"name": "yunet"', '"name": "owl"');
    writeFileSync(join(folder, 'model.json'), text);
    const host = await startHost(folder);
    const { page, end } = await visit(host.address);
    await page.waitForSelector('.toast');
    expect(await page.locator('#loading-text').textContent()).toContain('the detector owl, not yunet');
    await end();
    await host.close();
    rmSync(folder, { recursive: true });
  }, 60_000);
});
