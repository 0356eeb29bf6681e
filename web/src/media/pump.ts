/** Frames of a playing video or camera to the worker: the newest frame wins, and the page never waits. */

import type { Engine } from '../engine';
import type { Begins } from '../protocol';
import type { SeenFrame } from '../recognition/stream';

/** Larger frames are made smaller before they are looked at: beyond it a search takes several times as long. */
const LONGEST_SIDE = 960;
const RATE_SPAN_MS = 2000;

export class Pump {
  private running = true;
  private busy = false;
  private begins: Begins = 'stream';
  private lastS = -Infinity;
  private readonly times: number[] = [];

  /**
   * @param now The time of the frame that the video shows, in seconds.
   * @param seen Called with each frame's answer.
   */
  constructor(
    private readonly engine: Engine,
    private readonly video: HTMLVideoElement,
    private readonly now: () => number,
    private readonly seen: (frame: SeenFrame) => void,
  ) {
    this.wait();
  }

  /** Frames looked at each second, over the last two. */
  get rate(): number {
    const span = (this.times.at(-1) ?? 0) - (this.times[0] ?? 0);
    return span > 0 ? ((this.times.length - 1) * 1000) / span : 0;
  }

  stop(): void {
    this.running = false;
  }

  /** The next frame follows no earlier one: the video was moved to another place, or started again. */
  begin(how: Begins): void {
    this.begins = how;
    this.lastS = -Infinity;
  }

  private wait(): void {
    if (!this.running) return;
    const next = () => {
      void this.take();
      this.wait();
    };
    if ('requestVideoFrameCallback' in this.video) this.video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  }

  private async take(): Promise<void> {
    const { video } = this;
    const timeS = this.now();
    if (this.busy || !this.running || video.readyState < video.HAVE_CURRENT_DATA || timeS === this.lastS) return;
    if (timeS < this.lastS) this.begins ||= 'jump';
    this.busy = true;
    this.lastS = timeS;
    try {
      const { videoWidth: width, videoHeight: height } = video;
      const scale = Math.max(1, Math.max(width, height) / LONGEST_SIDE);
      const smaller = { resizeWidth: Math.round(width / scale), resizeHeight: Math.round(height / scale) } as const;
      const bitmap = await createImageBitmap(video, scale > 1 ? { ...smaller, resizeQuality: 'medium' } : {});
      const begins = this.begins;
      this.begins = '';
      const frame = await this.engine.frame(bitmap, timeS, begins, scale);
      if (frame && this.running) {
        this.count();
        this.seen(frame);
      }
    } catch {
      // The video ended or changed while its frame was taken; the next one is as good.
    } finally {
      this.busy = false;
    }
  }

  private count(): void {
    const now = performance.now();
    this.times.push(now);
    while (this.times[0]! < now - RATE_SPAN_MS) this.times.shift();
  }
}
