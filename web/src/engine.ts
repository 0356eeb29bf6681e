/** The page's side of the worker: one call for an image, one for a frame. */

import type { Ask, Begins, Tell } from './protocol';
import type { Seen } from './recognition/analyze';
import type { PageModel } from './recognition/spec';
import type { SeenFrame } from './recognition/stream';

export interface Ready {
  /** "wasm" or "webgpu". */
  readonly engine: string;
  readonly threads: number;
}

export class Engine {
  /** Resolves when the networks are loaded. */
  readonly ready: Promise<Ready>;
  /** Resolves when it is known which network the page has, well before `ready`. */
  readonly model: Promise<PageModel>;
  private readonly worker: Worker;
  private readonly images = new Map<number, (answer: { status: string; seen: Seen }) => void>();
  private readonly frames = new Map<number, (seen: SeenFrame | null) => void>();
  private count = 0;

  /** @param wish "wasm" or "webgpu"; anything else lets the worker choose. */
  constructor(progress: (loaded: number, total: number) => void, wish: string) {
    this.worker = startWorker(wish);
    let [tellModel, noModel]: [(model: PageModel) => void, (error: unknown) => void] = [() => {}, () => {}];
    this.model = new Promise((resolve, reject) => ([tellModel, noModel] = [resolve, reject]));
    this.ready = new Promise((resolve, reject) => {
      this.worker.addEventListener('message', ({ data }: MessageEvent<Tell>) => {
        if (data.kind === 'progress') progress(data.loaded, data.total);
        else if (data.kind === 'model') tellModel(data.model);
        else if (data.kind === 'ready') resolve(data);
        else if (data.kind === 'broken') reject(new Error(data.message));
        else this.settle(data);
      });
      this.worker.addEventListener('error', (event) => reject(new Error(event.message || 'the worker did not start')));
    });
    this.ready.catch(noModel);
  }

  image(file: Blob): Promise<{ status: string; seen: Seen }> {
    const id = (this.count += 1);
    return new Promise((resolve) => {
      this.images.set(id, resolve);
      this.worker.postMessage({ kind: 'image', id, file } satisfies Ask);
    });
  }

  /** Answers null where the frame could not be looked at. */
  frame(bitmap: ImageBitmap, timeS: number, begins: Begins, scale: number): Promise<SeenFrame | null> {
    const id = (this.count += 1);
    return new Promise((resolve) => {
      this.frames.set(id, resolve);
      this.worker.postMessage({ kind: 'frame', id, bitmap, timeS, begins, scale } satisfies Ask, [bitmap]);
    });
  }

  private settle(data: Extract<Tell, { kind: 'image' | 'frame' }>): void {
    if (data.kind === 'image') this.images.get(data.id)?.(data);
    else this.frames.get(data.id)?.(data.seen);
    this.images.delete(data.id);
    this.frames.delete(data.id);
  }
}

function startWorker(wish: string): Worker {
  // The bundler must see this very expression to build the worker.
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: wish });
}
