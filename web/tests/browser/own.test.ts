/** Models with custom classes: tests/helpers/page_own.py wrote their pages and the results of `moue.analyze`. */

import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { PageModel } from '../../src/recognition/spec';
import { type Result, columns } from '../../src/results/tables';
import { PAGE, isThere, ready, visit } from './browser';
import { saved } from './compare';
import { startHost } from './host';
import { overflow } from './looks';

const BUILD = resolve(import.meta.dirname, '../../build');
const OWN = join(BUILD, 'own');
const MOUE = process.env.MOUE_COMMAND ?? resolve(import.meta.dirname, '../../../.venv/bin/moue');

const modelOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as PageModel;
const about = (page: Page) => page.locator('#about').textContent();
const legend = (page: Page) => page.locator('#legend li').evaluateAll((all) => all.map((one) => one.textContent));

/** Start `moue serve` with a model; resolves to its address once it runs. */
async function serve(model: string): Promise<{ address: string; server: ChildProcess }> {
  const server = spawn(MOUE, ['serve', '--model', model, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise<string>((succeed, fail) => {
    server.stdout!.on('data', (data: Buffer) => {
      const text = String(data);
      if (/moue is running at \S+/.test(text)) succeed(/http\S+/.exec(text)![0]!);
    });
    server.on('exit', (code) => fail(new Error(`moue serve ended with ${code}`)));
  });
  return { address, server };
}

describe.skipIf(!isThere || !existsSync(OWN))('custom classes', () => {
  test.each(['three', 'hundred'])('Python and the page agree: %s', async (name) => {
    const expected = JSON.parse(readFileSync(join(OWN, `${name}.json`), 'utf8')) as Result[];
    const model = modelOf(join(OWN, name));
    const classes = model.spec.expression.class_names;
    const host = await startHost(join(OWN, name));
    const { page, errors, end } = await visit(host.address, { options: { viewport: { width: 320, height: 800 } } });
    await ready(page);
    expect(await about(page)).toContain(`model ${name}.`);
    expect(await page.locator('#wrong').textContent()).toBe('');
    expect(await legend(page)).toEqual(classes);
    await page.setInputFiles('#files', expected.map(({ file }) => join(BUILD, 'parity', file)));
    await page.waitForFunction(
      (count) => document.querySelectorAll('.dot.named, .dot.none, .dot.bad').length === count,
      expected.length,
    );
    const output = JSON.parse(await saved(page, 'json')) as { results: Result[]; class_names: string[] };
    expect(output.class_names).toEqual(classes);
    const faces = expected.flatMap((result) => result.faces);
    const ours = output.results.flatMap((result) => result.faces);
    expect(ours).toHaveLength(faces.length);
    expect(faces.length).toBeGreaterThan(2);
    faces.forEach((face, k) => {
      for (const emotion of classes) {
        expect(Math.abs(face.probabilities[emotion]! - ours[k]!.probabilities[emotion]!)).toBeLessThan(0.01);
      }
    });
    const rows = (await saved(page, 'csv')).trim().split('\n');
    expect(rows[0]).toBe(columns(classes).join(','));
    // Bars of the most probable classes, in the colours of moue.draw; long names fit on a phone.
    const bars = page.locator('.card >> nth=0').locator('.bars > div:visible');
    expect(await bars.count()).toBe(Math.min(classes.length, name === 'hundred' ? 11 : 12));
    expect(await page.locator('.card .rest').first().isVisible()).toBe(name === 'hundred');
    const [first, color] = await bars.first().evaluate((row) => [
      row.querySelector('dt')!.textContent!,
      getComputedStyle(row.querySelector('.bar')!).backgroundColor,
    ]);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(model.colors[first]!.slice(at, at + 2), 16));
    expect(color).toBe(`rgb(${red}, ${green}, ${blue})`);
    expect(await overflow(page)).toBe(0);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 90_000);

  test('a new model under the same page is used at the next visit, and cached for offline visits', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'moue-own-'));
    cpSync(PAGE, folder, { recursive: true });
    const host = await startHost(folder);
    const { page, end } = await visit(host.address);
    await ready(page);
    expect(await about(page)).toContain('model small.');
    expect(await page.locator('#wrong').textContent()).toBe(
      ` (about ${Math.round(100 * (1 - modelOf(PAGE).accuracy!))} of 100 test faces)`,
    );
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const next = modelOf(join(OWN, 'three'));
    for (const file of ['model.json', next.file]) cpSync(join(OWN, 'three', file), join(folder, file));
    await page.reload();
    await ready(page);
    expect(await about(page)).toContain('model three.');
    const cachedNetworks = () =>
      page.evaluate(async () => {
        const [name] = await caches.keys();
        const kept = await (await caches.open(name!)).keys();
        return kept.map(({ url }) => url).filter((url) => url.includes('/model/'));
      });
    await expect.poll(cachedNetworks).toEqual([`${host.address}${next.file}`]);
    await host.close();
    await page.reload();
    await ready(page);
    expect(await legend(page)).toEqual(next.spec.expression.class_names);
    await end();
    rmSync(folder, { recursive: true });
  }, 90_000);

  test('a timeline of custom classes', async () => {
    const host = await startHost(join(OWN, 'three'));
    const { page, errors, end } = await visit(host.address);
    // Before the page knows its model.
    await page.setInputFiles('#files', join(BUILD, 'films/film.webm'));
    await page.waitForSelector('canvas.band');
    const label = await page.locator('canvas.band').first().getAttribute('aria-label');
    expect(label).toMatch(/^Person 1: on average (happy|smile|no_smile) \d+ %/);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 90_000);

  test('a model.json of another format is reported as an error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'moue-own-'));
    cpSync(PAGE, folder, { recursive: true });
    writeFileSync(join(folder, 'model.json'), '{"format": "moue-model"}');
    const host = await startHost(folder);
    const { page, end } = await visit(host.address);
    await page.waitForSelector('.toast');
    expect(await page.locator('#loading-text').textContent()).toContain('the format moue-model, not moue-page-model');
    await end();
    await host.close();
    rmSync(folder, { recursive: true });
  }, 60_000);

  test.skipIf(!existsSync(MOUE))('moue serve gives its page the model that it serves', async () => {
    const { address, server } = await serve(join(OWN, 'runs/three'));
    const { page, errors, end } = await visit(address);
    await ready(page);
    expect(await about(page)).toContain('model three.');
    await page.click('#examples button >> nth=1');
    await page.waitForSelector('.card');
    expect(await page.locator('.bars').first().locator('dt').allTextContents()).toEqual(['happy', 'no_smile', 'smile']);
    expect(errors).toEqual([]);
    await end();
    server.kill('SIGTERM');
  }, 90_000);
});
