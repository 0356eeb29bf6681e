/** What the page and its worker say to each other. */

import type { FaceResult, Seen } from './recognition/analyze';
import type { Why } from './recognition/explain';
import type { PageModel } from './recognition/spec';
import type { SeenFrame } from './recognition/stream';

/** Whether a frame follows the last one, comes after a jump within the video, or begins another video. */
export type Begins = '' | 'jump' | 'stream';

export type Ask =
  | { readonly kind: 'image'; readonly id: number; readonly file: Blob }
  /** A frame of a video or camera. `scale` enlarges the answer's boxes. */
  | {
      readonly kind: 'frame';
      readonly id: number;
      readonly bitmap: ImageBitmap;
      readonly timeS: number;
      readonly begins: Begins;
      readonly scale: number;
    }
  /** Why a face got its answer. `source` is its image, or the time of the frame that was looked at last. */
  | {
      readonly kind: 'explain';
      readonly id: number;
      readonly source: Blob | number;
      readonly face: FaceResult;
      readonly whole: boolean;
      readonly size: number;
    };

export type Tell =
  | { readonly kind: 'progress'; readonly loaded: number; readonly total: number }
  | { readonly kind: 'model'; readonly model: PageModel }
  | { readonly kind: 'ready'; readonly engine: string; readonly threads: number }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'image'; readonly id: number; readonly status: string; readonly seen: Seen }
  | { readonly kind: 'frame'; readonly id: number; readonly seen: SeenFrame | null; readonly message: string }
  /** Null where the frame has gone by, or `message` says what went wrong. */
  | { readonly kind: 'explain'; readonly id: number; readonly why: Why | null; readonly message: string };
