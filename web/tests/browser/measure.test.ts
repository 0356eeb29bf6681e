/**
 * Figures for docs/page.md, not a test: `MOUE_MEASURE=1 npx vitest run tests/browser/measure`. Times depend on the
 * machine and its load; the processor time of the page's process depends less on the load.
 * `MOUE_PAGE=FOLDER` measures another page, such as one with YuNet.
 */

import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CDPSession } from 'playwright-core';
import { test } from 'vitest';
import { PAGE, ready, visit } from './browser';
import { startHost } from './host';

const SITE = process.env.MOUE_PAGE ?? PAGE;
const VIDEO = resolve(import.meta.dirname, '../../build/films/camera.mjpeg');
const ROUNDS = 3;

/** Processor time of the page's process so far, over all threads, in ms. */
async function processTime(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return 1000 * metrics.find(({ name }) => name === 'ProcessTime')!.value;
}

test.skipIf(!process.env.MOUE_MEASURE)('figures', async () => {
  const figures: Record<string, unknown> = { 'load before': loadavg()[0] };
  for (const isolated of [false, true]) {
    const mode = isolated ? 'isolated' : 'plain';
    const list = (): number[] => [];
    const [firsts, firstTimes, cached, rates, frameTimes] = [list(), list(), list(), list(), list()];
    for (let round = 0; round < ROUNDS; round += 1) {
      const host = await startHost(SITE, isolated);
      const { page, context, end } = await visit('about:blank', { cameraVideo: VIDEO });
      const session = await context.newCDPSession(page);
      await session.send('Performance.enable');
      const firstResult = async () => {
        const start = performance.now();
        await page.goto(host.address, { waitUntil: 'domcontentloaded' });
        await page.click('#examples button >> nth=1');
        await page.waitForSelector('.card');
        return performance.now() - start;
      };
      firsts.push(await firstResult());
      firstTimes.push(await processTime(session));
      figures['bytes sent by a host that compresses nothing'] = host.sent;
      const files = [...new Set(host.requested)].map((path) => join(SITE, path === '/' ? 'index.html' : path));
      const compressed = files.map((file) => gzipSync(readFileSync(file)).length);
      figures['bytes sent by a host that compresses (gzip)'] = compressed.reduce((sum, bytes) => sum + bytes, 0);
      await page.evaluate(() => navigator.serviceWorker.ready);
      cached.push(await firstResult());
      await ready(page);
      await page.click('#back');
      await page.click('#camera');
      await page.waitForTimeout(5000);
      const count = () => page.evaluate(() => Number(document.getElementById('rate')!.dataset.frames));
      const [frames, time] = [await count(), await processTime(session)];
      await page.waitForTimeout(8000);
      frameTimes.push(((await processTime(session)) - time) / ((await count()) - frames));
      rates.push(Number(await page.locator('#rate').getAttribute('data-rate')));
      await end();
      await host.close();
    }
    const rounded = (values: number[]) => values.map((value) => Math.round(value));
    figures[`${mode}: ms from nothing to the first result`] = rounded(firsts);
    figures[`${mode}: ms of processor time for that`] = rounded(firstTimes);
    figures[`${mode}: ms to the first result of a later visit`] = rounded(cached);
    figures[`${mode}: frames per second, camera 640x480, one face`] = rates;
    figures[`${mode}: ms of processor time for such a frame`] = rounded(frameTimes);
  }
  figures['load after'] = loadavg()[0];
  console.log(JSON.stringify(figures, null, 1));
}, 300_000);
