/** The page's side of the worker: one call to analyse an image, one for a frame, one to explain a prediction. */

import type { Discontinuity, WorkerMessage, WorkerRequest } from './protocol';
import type { Analysis, FaceResult } from './recognition/analyze';
import type { Explanation } from './recognition/explain';
import type { PageModel } from './recognition/spec';
import type { FrameAnalysis } from './recognition/stream';

export interface Ready {
  /** "wasm" or "webgpu". */
  readonly engine: string;
  readonly threads: number;
}

type Reply = Extract<WorkerMessage, { readonly id: number }>;
type Kind = WorkerRequest['kind'];
type RequestOf<K> = Extract<WorkerRequest, { readonly kind: K }>;
type ReplyTo<K> = Extract<Reply, { readonly kind: K }>;

export class Engine {
  /** Resolves when the networks are loaded. */
  readonly ready: Promise<Ready>;
  /** Resolves when model.json is read, well before `ready`. */
  readonly model: Promise<PageModel>;
  private readonly worker: Worker;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private count = 0;

  /** @param preference "wasm" or "webgpu"; anything else lets the worker choose. */
  constructor(progress: (loaded: number, total: number) => void, preference: string) {
    this.worker = startWorker(preference);
    let [resolveModel, rejectModel]: [(model: PageModel) => void, (error: unknown) => void] = [() => {}, () => {}];
    this.model = new Promise((resolve, reject) => ([resolveModel, rejectModel] = [resolve, reject]));
    this.ready = new Promise((resolve, reject) => {
      this.worker.addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
        if (data.kind === 'progress') progress(data.loaded, data.total);
        else if (data.kind === 'model') resolveModel(data.model);
        else if (data.kind === 'ready') resolve(data);
        else if (data.kind === 'broken') reject(new Error(data.message));
        else this.settle(data);
      });
      this.worker.addEventListener('error', (event) => reject(new Error(event.message || 'the worker did not start')));
    });
    this.ready.catch(rejectModel);
  }

  image(file: Blob): Promise<{ status: string; analysis: Analysis }> {
    return this.request({ kind: 'image', id: this.next(), file });
  }

  /** Resolves to null if the frame could not be analysed. */
  async frame(
    bitmap: ImageBitmap,
    timeS: number,
    discontinuity: Discontinuity,
    scale: number,
  ): Promise<FrameAnalysis | null> {
    const id = this.next();
    return (await this.request({ kind: 'frame', id, bitmap, timeS, discontinuity, scale }, [bitmap])).analysis;
  }

  /**
   * Which parts of a face its prediction is based on; null if the frame is no longer kept.
   *
   * @param source The image, or the time of the latest analysed frame.
   * @param whole Whether the whole image is the face.
   * @param size Side of the face that is returned for drawing, in pixels.
   */
  async explain(source: Blob | number, face: FaceResult, whole: boolean, size: number): Promise<Explanation | null> {
    const reply = await this.request({ kind: 'explain', id: this.next(), source, face, whole, size });
    if (reply.message) throw new Error(reply.message);
    return reply.explanation;
  }

  private next(): number {
    return (this.count += 1);
  }

  private request<K extends Kind>(request: RequestOf<K>, transfer: Transferable[] = []): Promise<ReplyTo<K>> {
    return new Promise((resolve) => {
      this.waiting.set(request.id, (reply) => resolve(reply as ReplyTo<K>));
      this.worker.postMessage(request, transfer);
    });
  }

  private settle(reply: Reply): void {
    this.waiting.get(reply.id)?.(reply);
    this.waiting.delete(reply.id);
  }
}

function startWorker(preference: string): Worker {
  // The bundler must see this very expression to build the worker.
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: preference });
}
