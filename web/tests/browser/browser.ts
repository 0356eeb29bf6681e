/** Chromium for the tests: Debian's, headless, with a video as the camera. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BrowserContext, type Page, chromium } from 'playwright-core';

export const PAGE = resolve(import.meta.dirname, '../../../src/moue/page/static');

const CHROMIUM = process.env.MOUE_CHROMIUM ?? '/usr/bin/chromium';
const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const isThere = existsSync(CHROMIUM) && existsSync(join(PAGE, 'index.html'));

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors that the page reported. */
  readonly errors: string[];
  end(): Promise<void>;
}

export interface VisitOptions {
  /** A video to use as the camera; without it there is no camera. */
  readonly cameraVideo?: string;
  /** Whether the camera is allowed. */
  readonly allowed?: boolean;
  readonly options?: Parameters<typeof chromium.launchPersistentContext>[1];
  readonly flags?: readonly string[];
}

/** Open a new browser with an empty profile. */
export async function visit(address: string, settings: VisitOptions = {}): Promise<Visit> {
  const profile = mkdtempSync(join(tmpdir(), 'moue-page-'));
  const { cameraVideo } = settings;
  const camera = cameraVideo
    ? ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${cameraVideo}`]
    : [];
  const allowed = settings.allowed === false ? ['--deny-permission-prompts'] : ['--use-fake-ui-for-media-stream'];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: [...QUIET, ...camera, ...allowed, ...(settings.flags ?? [])],
    acceptDownloads: true,
    viewport: { width: 1440, height: 900 },
    ...settings.options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(address);
  const end = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page, context, errors, end };
}

export async function ready(page: Page, timeout = 60_000): Promise<void> {
  const isReady = () => document.documentElement.dataset.engine?.startsWith('ready');
  await page.waitForFunction(isReady, undefined, { timeout });
}
