/** The page's side of the worker: one call for an image, one for a frame, one for the reasons of an answer. */

import type { Ask, Begins, Tell } from './protocol';
import type { FaceResult, Seen } from './recognition/analyze';
import type { Why } from './recognition/explain';
import type { PageModel } from './recognition/spec';
import type { SeenFrame } from './recognition/stream';

export interface Ready {
  /** "wasm" or "webgpu". */
  readonly engine: string;
  readonly threads: number;
}

type Answer = Extract<Tell, { readonly id: number }>;
type AnswerTo<K> = Extract<Answer, { readonly kind: K }>;

export class Engine {
  /** Resolves when the networks are loaded. */
  readonly ready: Promise<Ready>;
  /** Resolves when it is known which network the page has, well before `ready`. */
  readonly model: Promise<PageModel>;
  private readonly worker: Worker;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
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
    return this.ask({ kind: 'image', id: this.next(), file });
  }

  /** Answers null where the frame could not be looked at. */
  async frame(bitmap: ImageBitmap, timeS: number, begins: Begins, scale: number): Promise<SeenFrame | null> {
    return (await this.ask({ kind: 'frame', id: this.next(), bitmap, timeS, begins, scale }, [bitmap])).seen;
  }

  /**
   * What the answer about a face rests on; null where the frame has gone by.
   *
   * @param source The image, or the time of the frame that was looked at last.
   * @param whole Whether the image is the face.
   * @param size Side of the face that comes with it.
   */
  async explain(source: Blob | number, face: FaceResult, whole: boolean, size: number): Promise<Why | null> {
    const { why, message } = await this.ask({ kind: 'explain', id: this.next(), source, face, whole, size });
    if (message) throw new Error(message);
    return why;
  }

  private next(): number {
    return (this.count += 1);
  }

  private ask<K extends Ask['kind']>(ask: Extract<Ask, { kind: K }>, transfer: Transferable[] = []): Promise<AnswerTo<K>> {
    return new Promise((resolve) => {
      this.waiting.set(ask.id, (answer) => resolve(answer as AnswerTo<K>));
      this.worker.postMessage(ask, transfer);
    });
  }

  private settle(answer: Answer): void {
    this.waiting.get(answer.id)?.(answer);
    this.waiting.delete(answer.id);
  }
}

function startWorker(wish: string): Worker {
  // The bundler must see this very expression to build the worker.
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: wish });
}
