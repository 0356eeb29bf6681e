/** Sources: dropped, pasted and chosen files, folders, and faulty files. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAGE, type Visit, isThere, ready, visit } from './browser';
import { type Host, startHost } from './host';

const FRIENDS = join(PAGE, 'examples/friends.jpg');

async function pass(page: Page, kind: 'drop' | 'paste', content: string, name: string, type: string): Promise<void> {
  await page.evaluate(
    ([event, base64, name, mime]) => {
      const bytes = Uint8Array.from(atob(base64!), (letter) => letter.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name!, { type: mime! }));
      const options = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(
        event === 'drop'
          ? new DragEvent('drop', { ...options, dataTransfer: data })
          : new ClipboardEvent('paste', { ...options, clipboardData: data }),
      );
    },
    [kind, content, name, type] as const,
  );
}

const names = (page: Page) => page.locator('.card h3').allTextContents();
const message = (page: Page) => page.locator('#message').textContent();

describe.skipIf(!isThere)('sources', () => {
  let [host, visited, folder]: [Host, Visit, string] = [] as never;
  const friends = isThere ? readFileSync(FRIENDS).toString('base64') : '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'moue-files-'));
    host = await startHost(PAGE);
    visited = await visit(host.address);
    await ready(visited.page);
  }, 90_000);

  afterAll(async () => {
    await visited.end();
    await host.close();
    rmSync(folder, { recursive: true });
  });

  const file = (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  test.each(['drop', 'paste'] as const)('%s of an image', async (kind) => {
    const { page } = visited;
    await pass(page, kind, friends, 'friends.jpg', 'image/jpeg');
    await page.waitForFunction(() => document.querySelectorAll('.card').length === 3);
    expect((await names(page)).sort()).toEqual(['happy', 'sad', 'surprise']);
    expect(await page.locator('#faces-heading').textContent()).toBe('3 faces');
    expect(await page.locator('#announcer').textContent()).toMatch(/friends.jpg: 3 faces\. happy \d+ %/);
    expect(await page.locator('#overlay').getAttribute('aria-label')).toContain('happy');
    await page.keyboard.press('Escape');
    expect(await page.locator('#start').isVisible()).toBe(true);
  });

  test('a folder with subfolders, browsed with the arrow keys', async () => {
    const { page } = visited;
    mkdirSync(join(folder, 'album/inner'), { recursive: true });
    for (const name of ['album/10.jpg', 'album/9.jpg', 'album/inner/a.jpg']) file(name, readFileSync(FRIENDS));
    file('album/notes.txt', 'no image');
    file('album/broken.jpg', 'not a JPEG');
    await page.setInputFiles('#folder', join(folder, 'album'));
    await page.waitForFunction(() => document.querySelectorAll('.dot.named, .dot.bad').length === 4);
    const order: (string | null)[] = [];
    for (let k = 0; k < 4; k += 1) {
      order.push(await page.locator('#source-name').textContent());
      await page.keyboard.press('ArrowRight');
    }
    expect(order).toEqual(['album/9.jpg', 'album/10.jpg', 'album/broken.jpg', 'album/inner/a.jpg']);
    await page.keyboard.press('ArrowLeft');
    expect(await page.locator('#faces-heading').textContent()).toBe('Could not be read');
    expect(await message(page)).toBe('Not an image that this browser can read.');
    await page.keyboard.press('Escape');
  });

  test('faulty files show a message, and the page keeps working', async () => {
    const { page, errors } = visited;
    const huge = new Uint8Array(64);
    huge.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    new DataView(huge.buffer).setUint32(16, 60_000);
    new DataView(huge.buffer).setUint32(20, 60_000);
    const cut = readFileSync(FRIENDS).subarray(0, 300);
    const cases: [string, string | Uint8Array, RegExp][] = [
      ['empty.png', '', /The file has no content/],
      ['pixels.png', huge, /60000 x 60000 pixels, the limit is 64,000,000/],
      ['bytes.png', new Uint8Array(64 * 1024 * 1024 + 1), /67,108,865 bytes, the limit is 67,108,864/],
      ['cut.jpg', cut, /can read|damaged/],
      ['photo.heic', '\0\0\0\x18ftypheic', /A HEIC photograph: convert it to JPEG or PNG first/],
    ];
    for (const [name, content, expected] of cases) {
      await page.setInputFiles('#files', file(name, content));
      await page.waitForFunction((text) => document.getElementById('source-name')?.textContent === text, name);
      await page.waitForFunction(() => document.getElementById('message')?.textContent !== '');
      expect(await message(page)).toMatch(expected);
    }
    await page.keyboard.press('Escape');
    await page.setInputFiles('#files', file('broken.mp4', 'no video'));
    await page.waitForSelector('.toast');
    expect(await page.locator('.toast').textContent()).toBe('This browser cannot play broken.mp4.');
    expect(await page.locator('#start').isVisible()).toBe(true);
    // The browser itself reports an image that it cannot show; the page reports no error.
    expect(errors.filter((text) => !text.includes('Failed to load resource'))).toEqual([]);
  });

  test('the annotated image has the size of the original', async () => {
    const { page } = visited;
    await page.click('#examples button >> nth=1');
    await page.waitForSelector('.card');
    await page.click('#download');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save-image')]);
    expect(download.suggestedFilename()).toBe('laugh-moue.png');
    const png = readFileSync(await download.path());
    const size = await page.evaluate(() => {
      const image = document.querySelector<HTMLImageElement>('#frame img')!;
      return [image.naturalWidth, image.naturalHeight];
    });
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual(size);
  });
});
