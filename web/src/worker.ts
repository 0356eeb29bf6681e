/** The worker: loads the networks and answers one image or frame after the other, away from the page's own thread. */

import ownUrl from '../../src/moue/weights/faces/own.onnx?url';
import own from '../../src/moue/weights/faces/own.json';
import { Refused, decode, pixelsOf } from './media/decode';
import type { Ask, Tell } from './protocol';
import { Analyzer, type FaceResult, type Seen } from './recognition/analyze';
import { Classifier } from './recognition/classify';
import { Explainer } from './recognition/explain';
import type { Detector } from './recognition/face';
import { withOutputs } from './recognition/features';
import { namesOf } from './recognition/maps';
import type { Network } from './recognition/network';
import { OwnDetector } from './recognition/own';
import { Follower, type SeenFrame } from './recognition/stream';
import { type Picture } from './recognition/pixels';
import type { DetectorSpec, PageModel } from './recognition/spec';
import { type Backend, threads } from './runtime/backend';
import { choose } from './runtime/choose';
import { type Part, fetchAll } from './runtime/fetch';
import { fetchModel, pageUrl } from './runtime/model';
import { forgetOthers } from './store';

const tell = (message: Tell) => self.postMessage(message);

const OWN: Part = { url: ownUrl, bytes: __DETECTOR_BYTES__ };

interface Analyzers {
  readonly image: Analyzer;
  /** Frames come many a second and are upright: nothing turns them where it finds no face. */
  readonly frame: Analyzer;
}

let engine = '';

/** Opens the same file once more, with its features among its outputs if it has some; who does not ask pays nothing. */
let openExplainer: () => Promise<Explainer>;
let explainer: Promise<Explainer> | null = null;

/** A graphics processor that takes longer for a small image is not worth it. */
const SLOW_MS = 250;

async function load(): Promise<Analyzers> {
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

async function loadWith(backend: Backend, model: PageModel): Promise<Analyzers> {
  const network = partOf(model);
  const finder = model.detector ? partOf(model.detector) : OWN;
  const report = (loaded: number, total: number) => tell({ kind: 'progress', loaded, total });
  const files = await fetchAll([backend.wasm, network, finder], report);
  void forgetOthers(model.detector ? [network.url, finder.url] : [network.url]);
  await backend.start(files[0]!);
  const classifier = new Classifier(await backend.open(files[1]!), model.spec);
  const { features } = model.spec;
  openExplainer = async () => {
    return new Explainer(classifier, features ? await backend.open(withOutputs(files[1]!, namesOf(features))) : null);
  };
  const [forImages, forFrames] = await detectors(await backend.open(files[2]!), model.detector);
  const analyzers: Analyzers = { image: new Analyzer(classifier, forImages), frame: new Analyzer(classifier, forFrames) };
  engine = backend.name;
  // Somebody who was quicker than the network need not wait for it twice.
  if (waiting === 0 || engine !== 'wasm') await warmUp(analyzers.frame, classifier);
  if (engine !== self.name && engine === 'webgpu') {
    const start = performance.now();
    await warmUp(analyzers.frame, classifier);
    if (performance.now() - start > SLOW_MS) throw new Error('the graphics processor is slow');
  }
  return analyzers;
}

function partOf({ file, bytes }: { readonly file: string; readonly bytes: number }): Part {
  return { url: pageUrl(file), bytes };
}

/** The detector of images and that of frames. A page without YuNet does not fetch its code either. */
async function detectors(network: Network, spec: DetectorSpec | undefined): Promise<[Detector, Detector]> {
  if (!spec) {
    const detector = new OwnDetector(network, own.score_threshold);
    return [detector, detector];
  }
  const { YuNet } = await import('./recognition/yunet');
  return [new YuNet(network, spec, true), new YuNet(network, spec, false)];
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
  const { image: analyzer } = await loading;
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
    const { frame: analyzer } = await loading;
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
