/**
 * Figures for docs/page.md, not a test: `MOUE_MEASURE=1 npx vitest run tests/browser/measure`. Times depend on the
 * machine and on what else it does.
 */

import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'vitest';
import { PAGE, ready, visit } from './browser';
import { startHost } from './host';

const FILM = resolve(import.meta.dirname, '../../build/films/camera.mjpeg');
const ROUNDS = 3;

test.skipIf(!process.env.MOUE_MEASURE)('figures', async () => {
  const figures: Record<string, unknown> = { 'load before': loadavg()[0] };
  for (const isolated of [false, true]) {
    const mode = isolated ? 'threads' : 'one thread';
    const [firsts, cached, rates]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const host = await startHost(PAGE, isolated);
      const { page, end } = await visit('about:blank', { film: FILM });
      const answer = async () => {
        const start = performance.now();
        await page.goto(host.address, { waitUntil: 'domcontentloaded' });
        await page.click('#examples button >> nth=0');
        await page.waitForSelector('.card');
        return performance.now() - start;
      };
      firsts.push(await answer());
      figures['bytes sent by a host that compresses nothing'] = host.sent;
      const bodies = [...new Set(host.asked)].map((path) => readFileSync(join(PAGE, path === '/' ? 'index.html' : path)));
      figures['bytes sent by a host that compresses (gzip)'] = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
      await page.evaluate(() => navigator.serviceWorker.ready);
      cached.push(await answer());
      await ready(page);
      await page.click('#back');
      await page.click('#camera');
      await page.waitForTimeout(8000);
      rates.push(Number(await page.locator('#rate').getAttribute('data-rate')));
      await end();
      await host.close();
    }
    const rounded = (values: number[]) => values.map((value) => Math.round(value));
    figures[`${mode}: ms from nothing to the first answer (three faces)`] = rounded(firsts);
    figures[`${mode}: ms on a later visit`] = rounded(cached);
    figures[`${mode}: frames a second, camera 640x480, one face`] = rates;
  }
  figures['load after'] = loadavg()[0];
  console.log(JSON.stringify(figures, null, 1));
}, 300_000);
