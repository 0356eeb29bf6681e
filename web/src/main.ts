/** The page: what happens when somebody drops, chooses, clicks or presses a key. */

import { Engine } from './engine';
import { type NamedFile, chosen, images, isVideo, transferred } from './media/collect';
import type { PageModel } from './recognition/spec';
import { save, stem } from './results/save';
import { type Result, toCsv, toJson } from './results/tables';
import { toExplanationsJson } from './results/why';
import { colorOf, faceIcon, setColors } from './ui/classes';
import { byId, el, toast } from './ui/dom';
import { FaceList } from './ui/facelist';
import { Gallery } from './ui/gallery';
import { startKeys } from './ui/keys';
import { startMenu } from './ui/menu';
import { Stage } from './ui/stage';
import { StreamView } from './ui/streamview';
import { startTheme } from './ui/theme';

const EXAMPLES = [
  { file: 'friends.jpg', name: 'Three friends' },
  { file: 'laugh.jpg', name: 'A laugh' },
  { file: 'fright.jpg', name: 'A surprise' },
] as const;

/** More small faces would not fit on one line on a phone. */
const MAX_DROP_FACES = 8;

let classNames: readonly string[] = [];
const engine = new Engine(showProgress, new URLSearchParams(location.search).get('engine') ?? '');
const stage = new Stage();
const list = new FaceList((number) => stage.highlight(number));
const gallery = new Gallery(engine, stage, list, changed);
const stream = new StreamView(engine, stage, list, changed);

engine.model.then(showModel, () => undefined); // `ready` reports what is wrong
engine.ready.then(
  ({ engine: name, threads }) => {
    document.documentElement.dataset.engine = `ready ${name} ${threads}`;
    byId('loading').classList.add('done');
    byId('loading-text').textContent = 'The models are ready.';
    void register();
  },
  (error: Error) => {
    document.documentElement.dataset.engine = 'broken';
    byId('loading').classList.add('done');
    const retry = 'Reload the page to try again.';
    byId('loading-text').textContent = `The models could not be loaded: ${error.message}. ${retry}`;
    toast(`The models could not be loaded. ${retry}`);
  },
);

function showProgress(loaded: number, total: number): void {
  const share = Math.round((loaded / total) * 100);
  byId('loading').setAttribute('aria-valuenow', String(share));
  byId('loading').querySelector('span')!.style.width = `${share}%`;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  byId('loading-text').textContent = `Loading the models: ${megabytes(loaded)} of ${megabytes(total)} MB`;
}

/** Cache the page for offline visits. Browsers allow this for https:// and for localhost. */
async function register(): Promise<void> {
  if (import.meta.env.DEV || !('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register('./sw.js').catch(() => undefined);
}

function changed(): void {
  byId<HTMLButtonElement>('download').disabled = results().length === 0;
  const current = stream.isOpen ? stream.current : gallery.current;
  byId<HTMLButtonElement>('save-image').disabled = !current?.width;
  byId<HTMLButtonElement>('save-why').disabled = stream.isOpen || !current?.faces.length;
}

function showWork(show: boolean): void {
  byId('start').hidden = show;
  byId('work').hidden = !show;
  byId('message').textContent = '';
  document.body.classList.toggle('working', show);
  changed();
  if (show) scrollTo({ top: 0 });
}

async function openFiles(files: readonly NamedFile[]): Promise<void> {
  const [first] = files;
  if (!first) return;
  const video = files.find(({ file }) => isVideo(file));
  const imageFiles = images(files);
  if (video && (files.length === 1 || imageFiles.length === 0)) {
    await openVideo(video);
    return;
  }
  if (imageFiles.length === 0) {
    toast(files.length === 1 ? `${first.name} is not an image.` : `None of these ${files.length} files is an image.`);
    return;
  }
  stream.close();
  showWork(true);
  await gallery.open(imageFiles);
}

async function openVideo(video: NamedFile): Promise<void> {
  gallery.close();
  try {
    showWork(true);
    await stream.openFile(video);
  } catch (error) {
    restart();
    toast(error instanceof Error ? error.message : String(error));
  }
}

async function openCamera(): Promise<void> {
  try {
    await stream.openCamera();
    gallery.close();
    showWork(true);
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error));
  }
}

function restart(): void {
  gallery.close();
  stream.close();
  list.clear();
  showWork(false);
  byId('choose').focus({ preventScroll: true });
}

async function openExample(file: string): Promise<void> {
  const response = await fetch(`./examples/${file}`).catch(() => null);
  if (!response?.ok) return toast('The example could not be loaded.');
  const content = new File([await response.blob()], file, { type: 'image/jpeg' });
  await openFiles([{ file: content, name: file }]);
}

function results(): Result[] {
  return stream.isOpen ? stream.results : gallery.results;
}

function saveTable(kind: 'csv' | 'json'): void {
  const rows = results();
  const name = rows.length === 1 || stream.isOpen ? stem(rows[0]?.file ?? '') : 'moue';
  if (kind === 'csv') save(toCsv(rows, classNames), `${name}.csv`, 'text/csv');
  else save(toJson(rows, classNames), `${name}.json`, 'application/json');
}

async function saveImage(): Promise<void> {
  const current = stream.isOpen ? stream.current : gallery.current;
  const drawn = await stage.annotated();
  if (drawn && current) save(drawn, `${stem(current.file)}-moue.png`);
}

async function saveExplanations(): Promise<void> {
  const { current } = gallery;
  if (!current) return;
  try {
    const text = toExplanationsJson(current, await gallery.explanations(), list.emotions(current));
    save(text, `${stem(current.file)}-why.json`, 'application/json');
  } catch {
    toast('The explanations could not be computed.');
  }
}

function startChoosers(): void {
  const [files, folder] = [byId<HTMLInputElement>('files'), byId<HTMLInputElement>('folder')];
  byId('choose').addEventListener('click', () => files.click());
  byId('choose-folder').addEventListener('click', () => folder.click());
  for (const input of [files, folder]) {
    input.addEventListener('change', () => {
      const files = chosen(input.files!);
      input.value = ''; // so that the same file can be chosen again
      void openFiles(files);
    });
  }
  byId('camera').addEventListener('click', () => void openCamera());
  byId('back').addEventListener('click', restart);
  byId('pause').addEventListener('click', () => stream.togglePause());
  byId('mirror').addEventListener('click', () => stream.toggleMirror());
  byId('save-image').addEventListener('click', () => void saveImage());
  byId('save-csv').addEventListener('click', () => saveTable('csv'));
  byId('save-json').addEventListener('click', () => saveTable('json'));
  byId('save-why').addEventListener('click', () => void saveExplanations());
}

function startDropping(): void {
  let depth = 0;
  const mark = (change: number) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle('dragging', depth > 0);
  };
  document.addEventListener('dragenter', (event) => {
    if (event.dataTransfer?.types.includes('Files')) mark(1);
  });
  document.addEventListener('dragleave', () => mark(-1));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    mark(-Infinity);
    if (event.dataTransfer) void transferred(event.dataTransfer).then(openFiles);
  });
  document.addEventListener('paste', (event) => {
    if (event.clipboardData?.files.length) void transferred(event.clipboardData).then(openFiles);
  });
}

function fillPage(): void {
  byId('examples').append(
    ...EXAMPLES.map(({ file, name }) => {
      const image = el('img', { src: `./examples/${file}`, alt: '' });
      const button = el('button', { type: 'button' }, image, el('span', {}, name));
      button.addEventListener('click', () => void openExample(file));
      return el('li', {}, button);
    }),
  );
}

/** Fill in what depends on the model: classes, colours and error rate. */
function showModel(model: PageModel): void {
  classNames = model.spec.expression.class_names;
  setColors(model.colors);
  byId('drop-faces').append(...classNames.slice(0, MAX_DROP_FACES).map(faceIcon));
  byId('legend').append(
    ...classNames.map((name) => {
      const dot = el('i');
      dot.style.background = colorOf(name);
      return el('li', {}, dot, el('span', {}, name));
    }),
  );
  const wrong = Math.round(100 * (1 - (model.accuracy ?? 1)));
  byId('wrong').textContent = wrong > 0 ? ` (about ${wrong} of 100 test faces)` : '';
  const detector = model.detector ? `, detector ${model.detector.name}` : '';
  byId('about').textContent = `moue ${__MOUE__}, model ${model.name}${detector}. The faces of the examples are drawn.`;
}

fillPage();
startTheme();
startChoosers();
startDropping();
const menu = startMenu();
startKeys({
  o: () => byId('files').click(),
  c: () => void openCamera(),
  d: () => !byId('work').hidden && results().length > 0 && menu.open(),
  m: () => stream.isOpen && stream.toggleMirror(),
  ' ': () => stream.togglePause(),
  ArrowLeft: () => gallery.step(-1),
  ArrowRight: () => gallery.step(1),
  Escape: () => !byId('work').hidden && restart(),
});
