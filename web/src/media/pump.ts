/** Sends frames of a playing video or camera to the worker: always the newest one, and the page never waits. */

import type { Engine } from '../engine';
import type { Discontinuity } from '../protocol';
import type { FrameAnalysis } from '../recognition/stream';

/** Larger frames are reduced to this first: without that, detection takes several times as long. */
const LONGEST_SIDE = 960;
const RATE_SPAN_MS = 2000;

export class Pump {
  private running = true;
  private busy = false;
  private discontinuity: Discontinuity = 'stream';
  private lastS = -Infinity;
  private readonly times: number[] = [];

  /**
   * @param now The time of the frame that the video shows, in seconds.
   * @param onFrame Called with the analysis of each frame.
   */
  constructor(
    private readonly engine: Engine,
    private readonly video: HTMLVideoElement,
    private readonly now: () => number,
    private readonly onFrame: (frame: FrameAnalysis) => void,
  ) {
    this.wait();
  }

  /** Analysed frames per second, over the last two seconds. */
  get rate(): number {
    const span = (this.times.at(-1) ?? 0) - (this.times[0] ?? 0);
    return span > 0 ? ((this.times.length - 1) * 1000) / span : 0;
  }

  stop(): void {
    this.running = false;
  }

  /** The next frame does not follow the previous one: the visitor jumped within the video, or restarted it. */
  interrupt(discontinuity: Discontinuity): void {
    this.discontinuity = discontinuity;
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
    if (timeS < this.lastS) this.discontinuity ||= 'jump';
    this.busy = true;
    this.lastS = timeS;
    try {
      const { videoWidth: width, videoHeight: height } = video;
      const scale = Math.max(1, Math.max(width, height) / LONGEST_SIDE);
      const smaller = { resizeWidth: Math.round(width / scale), resizeHeight: Math.round(height / scale) } as const;
      const bitmap = await createImageBitmap(video, scale > 1 ? { ...smaller, resizeQuality: 'medium' } : {});
      const { discontinuity } = this;
      this.discontinuity = '';
      const frame = await this.engine.frame(bitmap, timeS, discontinuity, scale);
      if (frame && this.running) {
        this.count();
        this.onFrame(frame);
      }
    } catch {
      // The video ended or changed while the frame was being captured; the next frame will do.
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
