/** The worker: loads the networks and analyses one image or frame after the other, off the page's main thread. */

import ownUrl from '../../src/moue/weights/faces/own.onnx?url';
import own from '../../src/moue/weights/faces/own.json';
import { ImageError, decode, pixelsOf } from './media/decode';
import type { WorkerMessage, WorkerRequest } from './protocol';
import { Analyzer, type FaceResult } from './recognition/analyze';
import { Classifier } from './recognition/classify';
import { Explainer } from './recognition/explain';
import type { Detector } from './recognition/face';
import { withOutputs } from './recognition/features';
import { namesOf } from './recognition/maps';
import type { Network } from './recognition/network';
import { OwnDetector } from './recognition/own';
import { Follower, type FrameAnalysis } from './recognition/stream';
import type { RawImage } from './recognition/pixels';
import type { DetectorSpec, PageModel } from './recognition/spec';
import { type Backend, threads } from './runtime/backend';
import { choose } from './runtime/choose';
import { type Part, fetchAll } from './runtime/fetch';
import { fetchModel, pageUrl } from './runtime/model';
import { deleteOldNetworks } from './store';

const send = (message: WorkerMessage) => self.postMessage(message);

const OWN: Part = { url: ownUrl, bytes: __DETECTOR_BYTES__ };

interface Analyzers {
  readonly image: Analyzer;
  /** Frames are upright and come many times a second: they are not rotated if no face is found. */
  readonly frame: Analyzer;
}

let engine = '';

/** Opens the same file again, with its features among its outputs if it has any; only when first needed. */
let openExplainer: () => Promise<Explainer>;
let explainer: Promise<Explainer> | null = null;

/** If the GPU takes longer than this for a small image, WASM is used instead. */
const SLOW_MS = 250;

async function load(): Promise<Analyzers> {
  // The worker's name is the preferred engine.
  const [backend, model] = await Promise.all([choose(self.name), fetchModel()]);
  send({ kind: 'model', model });
  try {
    return await loadWith(backend, model);
  } catch (error) {
    if (backend.name === 'wasm') throw error;
    // The driver does not support what it claims to.
    return loadWith(await choose('wasm'), model);
  }
}

async function loadWith(backend: Backend, model: PageModel): Promise<Analyzers> {
  const classifierPart = partOf(model);
  const detectorPart = model.detector ? partOf(model.detector) : OWN;
  const report = (loaded: number, total: number) => send({ kind: 'progress', loaded, total });
  const files = await fetchAll([backend.wasm, classifierPart, detectorPart], report);
  void deleteOldNetworks(model.detector ? [classifierPart.url, detectorPart.url] : [classifierPart.url]);
  await backend.start(files[0]!);
  const classifier = new Classifier(await backend.open(files[1]!), model.spec);
  const { features } = model.spec;
  openExplainer = async () => {
    const network = features ? await backend.open(withOutputs(files[1]!, namesOf(features))) : null;
    return new Explainer(classifier, network);
  };
  const [forImages, forFrames] = await detectors(await backend.open(files[2]!), model.detector);
  const image = new Analyzer(classifier, forImages);
  const frame = new Analyzer(classifier, forFrames);
  engine = backend.name;
  // A visitor who is already waiting for a result should not wait for the warm-up too.
  if (waiting === 0 || engine !== 'wasm') await warmUp(frame, classifier);
  if (engine !== self.name && engine === 'webgpu') {
    const start = performance.now();
    await warmUp(frame, classifier);
    if (performance.now() - start > SLOW_MS) throw new Error('the graphics processor is slow');
  }
  return { image, frame };
}

function partOf({ file, bytes }: { readonly file: string; readonly bytes: number }): Part {
  return { url: pageUrl(file), bytes };
}

/** The detector for images and the one for frames. A page without YuNet does not fetch its code either. */
async function detectors(network: Network, spec: DetectorSpec | undefined): Promise<[Detector, Detector]> {
  if (!spec) {
    const detector = new OwnDetector(network, own.score_threshold);
    return [detector, detector];
  }
  const { YuNet } = await import('./recognition/yunet');
  return [new YuNet(network, spec, true), new YuNet(network, spec, false)];
}

/** Run both networks once while the visitor is still choosing: the browser compiles their code in the first run. */
async function warmUp(analyzer: Analyzer, classifier: Classifier): Promise<void> {
  const gray: RawImage = { width: 320, height: 240, channels: 1, data: new Uint8Array(320 * 240).fill(128) };
  await analyzer.analyze(gray);
  const { width, height } = classifier.spec.input;
  await classifier.predict([[{ width, height, channels: 1, data: new Uint8Array(width * height) }]]);
}

let waiting = 0;
const loading = load();
loading.then(
  () => send({ kind: 'ready', engine, threads: engine === 'wasm' ? threads() : 1 }),
  (error: unknown) => send({ kind: 'broken', message: error instanceof Error ? error.message : String(error) }),
);

async function handleImage(id: number, file: Blob): Promise<void> {
  const { image: analyzer } = await loading;
  const nothing = { detector: '', faces: [], timings: { detection_ms: 0, preprocess_ms: 0, inference_ms: 0 } };
  try {
    const analysis = await analyzer.analyze(await decode(file));
    send({ kind: 'image', id, status: analysis.faces.length > 0 ? 'ok' : 'no_face', analysis });
  } catch (error) {
    const known = error instanceof ImageError;
    const message = error instanceof Error ? error.message : String(error);
    const size = { width: known ? error.width : 0, height: known ? error.height : 0 };
    send({ kind: 'image', id, status: known ? error.status : 'failed', analysis: { ...nothing, ...size, message } });
  }
}

let follower: Follower | null = null;

/** The latest analysed frame; its faces can be explained. */
let latest: { readonly image: RawImage; readonly timeS: number; readonly scale: number } | null = null;

async function handleFrame(request: Extract<WorkerRequest, { kind: 'frame' }>): Promise<void> {
  const { id, bitmap, timeS, discontinuity, scale } = request;
  try {
    const { frame: analyzer } = await loading;
    if (discontinuity === 'stream' || !follower) follower = new Follower(analyzer);
    if (discontinuity === 'jump') follower.forget();
    const image = pixelsOf(bitmap);
    const analysis = await follower.add(image, timeS);
    latest = { image, timeS, scale };
    send({ kind: 'frame', id, analysis: enlarged(analysis, scale), message: '' });
  } catch (error) {
    send({ kind: 'frame', id, analysis: null, message: error instanceof Error ? error.message : String(error) });
  } finally {
    bitmap.close();
  }
}

/** The analysis in pixels of the frame at its original size. */
function enlarged(frame: FrameAnalysis, scale: number): FrameAnalysis {
  if (scale === 1) return frame;
  const faces = frame.faces.map((face) => scaled(face, scale));
  return { ...frame, width: Math.round(frame.width * scale), height: Math.round(frame.height * scale), faces };
}

function scaled<F extends FaceResult>(face: F, by: number): F {
  return {
    ...face,
    box: [face.box[0] * by, face.box[1] * by, face.box[2] * by, face.box[3] * by] as const,
    landmarks: face.landmarks?.map(([x, y]) => [x * by, y * by] as const) ?? null,
  };
}

async function handleExplain(request: Extract<WorkerRequest, { kind: 'explain' }>): Promise<void> {
  const { id, source, face, whole, size } = request;
  try {
    await loading;
    const frame = typeof source === 'number' && latest?.timeS === source ? latest : null;
    if (typeof source === 'number' && !frame) return send({ kind: 'explain', id, explanation: null, message: '' });
    const image = frame?.image ?? (await decode(source as Blob));
    const opened = await (explainer ??= openExplainer());
    const explanation = await opened.explain(image, scaled(face, 1 / (frame?.scale ?? 1)), whole, size);
    send({ kind: 'explain', id, explanation, message: '' });
  } catch (error) {
    explainer = null;
    send({ kind: 'explain', id, explanation: null, message: error instanceof Error ? error.message : String(error) });
  }
}

function handle(request: WorkerRequest): Promise<void> {
  if (request.kind === 'image') return handleImage(request.id, request.file);
  return request.kind === 'frame' ? handleFrame(request) : handleExplain(request);
}

// One at a time and in order: the networks share a thread.
let turn: Promise<void> = Promise.resolve();
self.addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
  waiting += 1;
  turn = turn.then(() => handle(data));
});
