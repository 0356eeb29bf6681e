/** The worker: loads the networks and answers one image or frame after the other, away from the page's own thread. */

import detectorUrl from '../../src/moue/weights/faces/own.onnx?url';
import detector from '../../src/moue/weights/faces/own.json';
import { Refused, decode, pixelsOf } from './media/decode';
import type { Ask, Tell } from './protocol';
import { Analyzer, type FaceResult, type Seen } from './recognition/analyze';
import { Classifier } from './recognition/classify';
import { Detector } from './recognition/detect';
import { Explainer } from './recognition/explain';
import { withOutputs } from './recognition/features';
import { namesOf } from './recognition/maps';
import { Follower, type SeenFrame } from './recognition/stream';
import { type Picture } from './recognition/pixels';
import type { PageModel } from './recognition/spec';
import { type Backend, threads } from './runtime/backend';
import { choose } from './runtime/choose';
import { type Part, fetchAll } from './runtime/fetch';
import { fetchModel, pageUrl } from './runtime/model';
import { forgetOthers } from './store';

const tell = (message: Tell) => self.postMessage(message);

const DETECTOR: Part = { url: detectorUrl, bytes: __DETECTOR_BYTES__ };

let engine = '';

/** Opens the same file once more, with its features among its outputs if it has some; who does not ask pays nothing. */
let openExplainer: () => Promise<Explainer>;
let explainer: Promise<Explainer> | null = null;

/** A graphics processor that takes longer for a small image is not worth it. */
const SLOW_MS = 250;

async function load(): Promise<Analyzer> {
  // The worker's name is the wish.
  const [backend, model] = await Promise.all([choose(self.name), fetchModel()]);
  tell({ kind: 'model', model });
  try {
    return await loadWith(backend, model);
  } catch (error) {
    if (backend.name === 'wasm') throw error;
    // A driver that does not do what it promises.
    return loadWith(await choose('wasm'), model);
  }
}

async function loadWith(backend: Backend, model: PageModel): Promise<Analyzer> {
  const network: Part = { url: pageUrl(model.file), bytes: model.bytes };
  const report = (loaded: number, total: number) => tell({ kind: 'progress', loaded, total });
  const files = await fetchAll([backend.wasm, network, DETECTOR], report);
  void forgetOthers(network.url);
  await backend.start(files[0]!);
  const classifier = new Classifier(await backend.open(files[1]!), model.spec);
  const { features } = model.spec;
  openExplainer = async () => {
    return new Explainer(classifier, features ? await backend.open(withOutputs(files[1]!, namesOf(features))) : null);
  };
  const analyzer = new Analyzer(classifier, new Detector(await backend.open(files[2]!), detector.score_threshold));
  engine = backend.name;
  // Somebody who was quicker than the network need not wait for it twice.
  if (waiting === 0 || engine !== 'wasm') await warmUp(analyzer, classifier);
  if (engine !== self.name && engine === 'webgpu') {
    const start = performance.now();
    await warmUp(analyzer, classifier);
    if (performance.now() - start > SLOW_MS) throw new Error('the graphics processor is slow');
  }
  return analyzer;
}

/** Run both networks once: the browser compiles their code at the first run, and the visitor is still choosing. */
async function warmUp(analyzer: Analyzer, classifier: Classifier): Promise<void> {
  const gray: Picture = { width: 320, height: 240, channels: 1, data: new Uint8Array(320 * 240).fill(128) };
  await analyzer.analyze(gray);
  const { width, height } = classifier.spec.input;
  await classifier.answer([[{ width, height, channels: 1, data: new Uint8Array(width * height) }]]);
}

let waiting = 0;
const loading = load();
loading.then(
  () => tell({ kind: 'ready', engine, threads: engine === 'wasm' ? threads() : 1 }),
  (error: unknown) => tell({ kind: 'broken', message: error instanceof Error ? error.message : String(error) }),
);

async function answerImage(id: number, file: Blob): Promise<void> {
  const analyzer = await loading;
  const nothing = { detector: '', faces: [], timings: { detection_ms: 0, preprocess_ms: 0, inference_ms: 0 } };
  try {
    const seen = await analyzer.analyze(await decode(file));
    tell({ kind: 'image', id, status: seen.faces.length > 0 ? 'ok' : 'no_face', seen });
  } catch (error) {
    const known = error instanceof Refused;
    const message = error instanceof Error ? error.message : String(error);
    const seen: Seen = { ...nothing, width: known ? error.width : 0, height: known ? error.height : 0, message };
    tell({ kind: 'image', id, status: known ? error.status : 'failed', seen });
  }
}

let follower: Follower | null = null;

/** The frame that was looked at last, whose faces can be explained. */
let latest: { readonly picture: Picture; readonly timeS: number; readonly scale: number } | null = null;

async function answerFrame({ id, bitmap, timeS, begins, scale }: Extract<Ask, { kind: 'frame' }>): Promise<void> {
  try {
    const analyzer = await loading;
    if (begins === 'stream' || !follower) follower = new Follower(analyzer);
    if (begins === 'jump') follower.forget();
    const picture = pixelsOf(bitmap);
    const seen = await follower.add(picture, timeS);
    latest = { picture, timeS, scale };
    tell({ kind: 'frame', id, seen: enlarged(seen, scale), message: '' });
  } catch (error) {
    tell({ kind: 'frame', id, seen: null, message: error instanceof Error ? error.message : String(error) });
  } finally {
    bitmap.close();
  }
}

/** What was seen, in pixels of the frame before it was made smaller. */
function enlarged(seen: SeenFrame, scale: number): SeenFrame {
  if (scale === 1) return seen;
  const faces = seen.faces.map((face) => scaled(face, scale));
  return { ...seen, width: Math.round(seen.width * scale), height: Math.round(seen.height * scale), faces };
}

function scaled<F extends FaceResult>(face: F, by: number): F {
  return {
    ...face,
    box: [face.box[0] * by, face.box[1] * by, face.box[2] * by, face.box[3] * by] as const,
    landmarks: face.landmarks?.map(([x, y]) => [x * by, y * by] as const) ?? null,
  };
}

async function answerWhy({ id, source, face, whole, size }: Extract<Ask, { kind: 'explain' }>): Promise<void> {
  try {
    await loading;
    const frame = typeof source === 'number' && latest?.timeS === source ? latest : null;
    if (typeof source === 'number' && !frame) return tell({ kind: 'explain', id, why: null, message: '' });
    const picture = frame?.picture ?? (await decode(source as Blob));
    const why = await (explainer ??= openExplainer());
    tell({ kind: 'explain', id, why: await why.explain(picture, scaled(face, 1 / (frame?.scale ?? 1)), whole, size), message: '' });
  } catch (error) {
    explainer = null;
    tell({ kind: 'explain', id, why: null, message: error instanceof Error ? error.message : String(error) });
  }
}

function answer(ask: Ask): Promise<void> {
  if (ask.kind === 'image') return answerImage(ask.id, ask.file);
  return ask.kind === 'frame' ? answerFrame(ask) : answerWhy(ask);
}

// One at a time and in order: the networks share a thread.
let turn: Promise<void> = Promise.resolve();
self.addEventListener('message', ({ data }: MessageEvent<Ask>) => {
  waiting += 1;
  turn = turn.then(() => answer(data));
});
