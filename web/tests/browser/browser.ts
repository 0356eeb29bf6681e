/** Chromium for the tests: Debian's, without a head, with a film for a camera. */

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

export interface Wishes {
  /** A film that stands for the camera; without one there is no camera. */
  readonly film?: string;
  /** Whether the camera is allowed. */
  readonly allowed?: boolean;
  readonly options?: Parameters<typeof chromium.launchPersistentContext>[1];
  readonly flags?: readonly string[];
}

/** Open a new browser with an empty profile. */
export async function visit(address: string, wishes: Wishes = {}): Promise<Visit> {
  const profile = mkdtempSync(join(tmpdir(), 'moue-page-'));
  const film = wishes.film ? ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${wishes.film}`] : [];
  const allowed = wishes.allowed === false ? ['--deny-permission-prompts'] : ['--use-fake-ui-for-media-stream'];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: [...QUIET, ...film, ...allowed, ...(wishes.flags ?? [])],
    acceptDownloads: true,
    viewport: { width: 1440, height: 900 },
    ...wishes.options,
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
  await page.waitForFunction(() => document.documentElement.dataset.engine?.startsWith('ready'), undefined, { timeout });
}
