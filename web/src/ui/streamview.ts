/** A video or the camera: plays it, analyses its frames and fills the timeline. */

import type { Engine } from '../engine';
import { close, listCameras, openCamera } from '../media/camera';
import type { NamedFile } from '../media/collect';
import { Pump } from '../media/pump';
import type { FrameAnalysis } from '../recognition/stream';
import { Timeline, minutes } from '../recognition/timeline';
import type { Result } from '../results/tables';
import { announce, byId, el, perSecond, toast } from './dom';
import { labelOf } from './draw';
import type { FaceList } from './facelist';
import { cutFrom } from './gallery';
import type { Stage } from './stage';
import { TimelineView } from './timelineview';

const MAX_FRAMES = 100_000;
const ANNOUNCE_EVERY_MS = 4000;

export class StreamView {
  private video: HTMLVideoElement | null = null;
  private stream: MediaStream | null = null;
  private pump: Pump | null = null;
  private timeline = new Timeline([]);
  private readonly view = new TimelineView((timeS) => this.seek(timeS));
  private name = '';
  private url = '';
  private mirror = false;
  private startedMs = 0;
  private pausedMs = 0;
  private announcedMs = 0;
  private announced = '';
  results: Result[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly stage: Stage,
    private readonly list: FaceList,
    private readonly changed: () => void,
  ) {
    byId<HTMLSelectElement>('camera-choice').addEventListener('change', (event) => {
      void this.openCamera((event.target as HTMLSelectElement).value);
    });
    byId<HTMLInputElement>('seek').addEventListener('input', (event) => {
      this.seek(Number((event.target as HTMLInputElement).value));
    });
  }

  get isOpen(): boolean {
    return this.video !== null;
  }

  get isCamera(): boolean {
    return this.stream !== null;
  }

  get current(): Result | null {
    return this.results.at(-1) ?? null;
  }

  /** Resolves when the video can be played; rejects if the browser cannot read it. */
  async openFile({ file, name }: NamedFile): Promise<void> {
    this.close();
    await this.resetTimeline();
    const video = el('video', { class: 'media', playsinline: '', muted: '' });
    video.muted = true;
    this.url = URL.createObjectURL(file);
    await new Promise((resolve, reject) => {
      video.addEventListener('loadeddata', resolve, { once: true });
      video.addEventListener('error', () => reject(new Error(`This browser cannot play ${name}.`)), { once: true });
      video.src = this.url;
    });
    video.addEventListener('ended', () => this.showPaused());
    this.start(video, name, false);
  }

  /** Resolves when the camera delivers frames; rejects with a message for the visitor. */
  async openCamera(deviceId = ''): Promise<void> {
    const stream = await openCamera(deviceId);
    this.close();
    await this.resetTimeline();
    this.stream = stream;
    const video = el('video', { class: 'media', playsinline: '', muted: '', autoplay: '' });
    video.muted = true;
    video.srcObject = stream;
    const [track] = stream.getVideoTracks();
    track?.addEventListener('ended', () => toast('The camera was disconnected.'));
    await video.play();
    const facing = track?.getSettings().facingMode;
    this.start(video, 'camera', facing !== 'environment');
    await this.fillChoice(track?.getSettings().deviceId ?? '');
  }

  close(): void {
    this.pump?.stop();
    this.pump = null;
    if (this.stream) close(this.stream);
    this.stream = null;
    this.video?.pause();
    this.video = null;
    URL.revokeObjectURL(this.url);
    byId('stream-bar').hidden = true;
    this.reset();
  }

  togglePause(): void {
    const { video } = this;
    if (!video) return;
    if (video.paused) {
      if (video.ended) this.reset();
      if (video.ended) this.pump?.interrupt('stream');
      if (this.isCamera) this.startedMs += performance.now() - this.pausedMs;
      void video.play();
    } else {
      video.pause();
      this.pausedMs = performance.now();
    }
    this.showPaused();
  }

  toggleMirror(): void {
    this.mirror = !this.mirror;
    this.stage.setMirror(this.mirror);
    byId('mirror').setAttribute('aria-pressed', String(this.mirror));
  }

  private start(video: HTMLVideoElement, name: string, mirror: boolean): void {
    this.video = video;
    this.name = name;
    this.mirror = mirror;
    this.startedMs = performance.now();
    this.stage.show(video, mirror);
    this.list.clear('Looking…');
    byId('source-name').textContent = this.isCamera ? 'Camera' : name;
    byId('stream-bar').hidden = false;
    byId('mirror').setAttribute('aria-pressed', String(mirror));
    byId('camera-label').hidden = true;
    const seek = byId<HTMLInputElement>('seek');
    seek.hidden = this.isCamera;
    seek.max = String(this.length);
    this.pump = new Pump(this.engine, video, () => this.now(), (frame) => this.add(frame));
    if (!this.isCamera) void video.play();
    this.showPaused();
  }

  /** Waits for the model, because a timeline needs its classes. */
  private async resetTimeline(): Promise<void> {
    const { spec } = await this.engine.model;
    this.timeline = new Timeline(spec.expression.class_names);
  }

  private get length(): number {
    const length = this.video?.duration ?? 0;
    return this.isCamera || !Number.isFinite(length) ? 0 : length;
  }

  private now(): number {
    if (!this.isCamera) return this.video?.currentTime ?? 0;
    return (performance.now() - this.startedMs) / 1000;
  }

  private add(frame: FrameAnalysis): void {
    const status = frame.faces.length > 0 ? 'ok' : 'no_face';
    const result: Result = { ...frame, file: this.name, status, frame: null };
    if (this.results.length < MAX_FRAMES) this.results.push(result);
    else this.results[MAX_FRAMES - 1] = result;
    this.timeline.add(frame);
    // Cards would swap places if the highest score came first in every frame.
    const shown = { ...result, faces: [...frame.faces].sort((one, two) => one.track_id - two.track_id) };
    this.stage.update(shown);
    this.list.update(shown, (face, size) => this.engine.explain(frame.time_s, face, false, size));
    for (const person of this.view.update(this.timeline, frame.time_s, this.length)) this.drawThumb(person.id, result);
    byId<HTMLInputElement>('seek').value = String(frame.time_s);
    const length = this.length ? ` / ${minutes(this.length)}` : '';
    byId('clock').textContent = `${minutes(frame.time_s)}${length}`;
    byId('rate').textContent = this.pump && this.pump.rate > 0 ? perSecond(this.pump.rate) : '';
    byId('rate').dataset.rate = this.pump?.rate.toFixed(1) ?? '';
    byId('rate').dataset.frames = String(this.results.length);
    byId('message').textContent = frame.faces.length === 0 ? 'No face in view.' : '';
    this.announceFaces(result);
    this.changed();
  }

  /** Draw the thumbnail of a new person. */
  private drawThumb(id: number, result: Result): void {
    const canvas = this.view.thumb(id);
    const face = result.faces.find((tracked) => 'track_id' in tracked && tracked.track_id === id);
    if (canvas && face && this.video) cutFrom(this.video, result)(face, canvas);
  }

  /** Announce changes to screen readers, but not with every frame. */
  private announceFaces(result: Result): void {
    const text = result.faces.map((face) => labelOf(face).replace(/ \d+ %$/, '')).join(', ') || 'no face in view';
    const now = performance.now();
    if (text === this.announced || now - this.announcedMs < ANNOUNCE_EVERY_MS) return;
    [this.announced, this.announcedMs] = [text, now];
    announce(text);
  }

  private seek(timeS: number): void {
    if (!this.video || this.isCamera) return;
    this.pump?.interrupt('jump');
    this.video.currentTime = Math.min(this.length, Math.max(0, timeS));
  }

  private reset(): void {
    this.results = [];
    this.timeline = new Timeline(this.timeline.classNames);
    this.view.clear();
  }

  private showPaused(): void {
    const paused = this.video?.paused ?? true;
    const button = byId('pause');
    button.classList.toggle('is-paused', paused);
    button.setAttribute('aria-label', paused ? 'Play' : 'Pause');
    // The timeline is drawn up to the last frame.
    if (paused && this.isOpen) this.view.update(this.timeline, this.now(), this.length, true);
  }

  private async fillChoice(current: string): Promise<void> {
    const cameras = await listCameras();
    const choice = byId<HTMLSelectElement>('camera-choice');
    choice.replaceChildren(
      ...cameras.map((camera, k) => el('option', { value: camera.deviceId }, camera.label || `Camera ${k + 1}`)),
    );
    choice.value = current;
    byId('camera-label').hidden = cameras.length < 2;
  }
}
