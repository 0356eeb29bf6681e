/** Videos written by `moue predict --annotate` (scripts/page_videos.py) play to their end in a browser, with sound. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isThere, visit } from './browser';
import { startHost } from './host';

const VIDEOS = resolve(import.meta.dirname, '../../build/films');
const SECONDS = 6;

interface Played {
  readonly atS: number;
  readonly lengthS: number;
  readonly soundBytes: number;
  readonly frames: number;
  readonly error: string;
}

/** Runs in the browser. */
async function play(url: string): Promise<Played> {
  const video = document.createElement('video');
  document.body.append(video);
  const over = new Promise((resolve) => ['ended', 'error'].forEach((name) => video.addEventListener(name, resolve)));
  video.src = url;
  await video.play().catch(() => undefined);
  await over;
  return {
    atS: video.currentTime,
    lengthS: video.duration,
    soundBytes: (video as unknown as { webkitAudioDecodedByteCount: number }).webkitAudioDecodedByteCount,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    error: video.error?.message ?? '',
  };
}

/** Runs in the browser: the loudest sample of each half second. */
async function loudness(url: string): Promise<number[]> {
  const content = await (await fetch(url)).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 48_000, 48_000).decodeAudioData(content);
  const samples = sound.getChannelData(0);
  const half = sound.sampleRate / 2;
  // The borders of each half second are left out, because encoders smear them.
  return Array.from({ length: Math.floor(samples.length / half) }, (_, k) =>
    samples.subarray((k + 0.2) * half, (k + 0.8) * half).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  );
}

describe.skipIf(!isThere || !existsSync(join(VIDEOS, 'sound-annotated.webm')))('annotated videos', () => {
  test.each([
    ['sound-annotated.webm', true],
    ['sound-annotated.mp4', true],
    ['opencv.webm', false],
  ] as const)('%s plays to its end; with sound: %s', async (file, sounds) => {
    const host = await startHost(VIDEOS);
    const flags = ['--autoplay-policy=no-user-gesture-required'];
    // A page from this host, so that it may read the host's files.
    const { page, end } = await visit(`${host.address}sound-annotated-timeline.png`, { flags });
    const played = await page.evaluate(play, `./${file}`);
    expect(played.error).toBe('');
    expect(played.lengthS).toBeGreaterThan(SECONDS - 0.5);
    expect(played.lengthS).toBeLessThan(SECONDS + 0.5);
    expect(played.atS).toBeGreaterThan(played.lengthS - 0.1);
    expect(played.frames).toBeGreaterThan(10);
    expect(played.soundBytes > 0).toBe(sounds);
    if (sounds) {
      // The tone still switches on and off at the same times.
      const loud = await page.evaluate(loudness, `./${file}`);
      expect(loud.slice(0, 2 * SECONDS - 1).map((value) => value > 0.2)).toEqual(
        Array.from({ length: 2 * SECONDS - 1 }, (_, k) => k % 2 === 0),
      );
    }
    await end();
    await host.close();
  }, 60_000);
});
