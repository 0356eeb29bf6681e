/** The page and its host: no request leaves the origin, and after the first visit the page works offline. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAGE, isThere, ready, visit } from './browser';
import { startHost } from './host';

const MEGABYTE = 1e6;

describe.skipIf(!isThere)('the host', () => {
  test('the first result needs at most 6 MB, and no request leaves the origin', async () => {
    const host = await startHost(PAGE);
    const { page, context, end } = await visit('about:blank');
    const requested: string[] = [];
    context.on('request', (request) => requested.push(request.url()));
    await page.goto(host.address);
    await ready(page);
    await page.click('#examples button >> nth=0');
    await page.waitForSelector('.card');
    expect(host.sent).toBeLessThan(6 * MEGABYTE);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.waitForTimeout(500);
    expect(requested.length).toBeGreaterThan(8);
    expect(requested.filter((url) => !url.startsWith(host.address) && !url.startsWith('blob:'))).toEqual([]);
    // A malicious script could not send anything either.
    const other = await startHost(PAGE);
    const send = (url: string) => fetch(url, { mode: 'no-cors' }).then(() => 'sent', () => 'refused');
    expect([await page.evaluate(send, other.address), other.requested]).toEqual(['refused', []]);
    await end();
    await other.close();
    await host.close();
  }, 90_000);

  test('works offline after the first visit', async () => {
    const host = await startHost(PAGE);
    const { page, errors, end } = await visit(host.address);
    await ready(page);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const large = host.requested.filter((path) => /onnx|gz/.test(path));
    expect(new Set(large).size).toBe(large.length); // each large file was fetched once
    await host.close();
    await page.reload();
    await ready(page);
    await page.click('#examples button >> nth=2');
    await page.waitForSelector('.card');
    expect(await page.locator('.card h3').textContent()).toBe('surprise');
    expect(errors.filter((text) => !text.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
    await end();
  }, 90_000);

  test('a new version replaces the old one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'moue-host-'));
    cpSync(PAGE, folder, { recursive: true });
    const host = await startHost(folder);
    const { page, end } = await visit(host.address);
    await ready(page);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const list = readFileSync(join(folder, 'moue-page.json'), 'utf8');
    const old = (JSON.parse(list) as { version: string }).version;
    const files = (JSON.parse(list) as { files: string[] }).files.filter((name) => /worker-/.test(name));
    for (const name of ['moue-page.json', 'sw.js', ...files]) {
      const path = join(folder, name);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(old, 'newerversion'));
    }
    await page.reload();
    await ready(page);
    await page.waitForFunction(async () => (await caches.keys()).join() === 'moue-page-newerversion');
    await end();
    await host.close();
    rmSync(folder, { recursive: true });
  }, 90_000);

  test('threads if the page is isolated, and missing models', async () => {
    const isolated = await startHost(PAGE, true);
    const first = await visit(isolated.address);
    await ready(first.page);
    const engine = await first.page.evaluate(() => document.documentElement.dataset.engine);
    const cores = await first.page.evaluate(() => navigator.hardwareConcurrency);
    expect(engine).toBe(`ready wasm ${Math.min(4, Math.max(1, cores - 1))}`);
    await first.page.click('#examples button >> nth=0');
    await first.page.waitForFunction(() => document.querySelectorAll('.card').length === 3);
    await first.end();
    await isolated.close();

    const folder = mkdtempSync(join(tmpdir(), 'moue-host-'));
    cpSync(PAGE, folder, { recursive: true, filter: (path) => !path.endsWith('.onnx') });
    const host = await startHost(folder);
    const { page, end } = await visit(host.address);
    await page.waitForSelector('.toast');
    const message = 'The models could not be loaded. Reload the page to try again.';
    expect(await page.locator('.toast').textContent()).toBe(message);
    await end();
    await host.close();
    rmSync(folder, { recursive: true });
  }, 120_000);
});
