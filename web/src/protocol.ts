/** The messages between the page and its worker. */

import type { Analysis, FaceResult } from './recognition/analyze';
import type { Explanation } from './recognition/explain';
import type { PageModel } from './recognition/spec';
import type { FrameAnalysis } from './recognition/stream';

/** Empty if a frame follows the previous one, 'jump' after a jump within the video, 'stream' at its start. */
export type Discontinuity = '' | 'jump' | 'stream';

export type WorkerRequest =
  | { readonly kind: 'image'; readonly id: number; readonly file: Blob }
  /** A frame of a video or camera. `scale` enlarges the boxes of the result. */
  | {
      readonly kind: 'frame';
      readonly id: number;
      readonly bitmap: ImageBitmap;
      readonly timeS: number;
      readonly discontinuity: Discontinuity;
      readonly scale: number;
    }
  /** Explain the prediction for a face. `source` is its image, or the time of the latest analysed frame. */
  | {
      readonly kind: 'explain';
      readonly id: number;
      readonly source: Blob | number;
      readonly face: FaceResult;
      readonly whole: boolean;
      readonly size: number;
    };

export type WorkerMessage =
  | { readonly kind: 'progress'; readonly loaded: number; readonly total: number }
  | { readonly kind: 'model'; readonly model: PageModel }
  | { readonly kind: 'ready'; readonly engine: string; readonly threads: number }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'image'; readonly id: number; readonly status: string; readonly analysis: Analysis }
  | { readonly kind: 'frame'; readonly id: number; readonly analysis: FrameAnalysis | null; readonly message: string }
  /** `explanation` is null if the frame is no longer kept, or after an error, given in `message`. */
  | {
      readonly kind: 'explain';
      readonly id: number;
      readonly explanation: Explanation | null;
      readonly message: string;
    };
