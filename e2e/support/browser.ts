import { type Browser, type BrowserContext, type Page, chromium } from 'playwright-core';

import { recordConnections } from './recorder.ts';

const FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  // a picture with a moving pie and a clock, and a beep each second
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  // the server is on loopback
  '--allow-loopback-in-peer-connection',
  // no mDNS names for candidates; and a page that the test itself brings (upstream/page.html) may speak to loopback
  '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks',
  // no traffic of the browser's own
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch(moreFlags: string[] = []): Promise<Browser> {
  const executablePath = process.env['ALTHING_CHROMIUM'] ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: [...FLAGS, ...moreFlags], headless: true });
}

/** A page in a context of its own: own storage, as on another machine. */
export class Tab {
  /** Documents that the page loaded: 1 unless somebody reloaded. */
  documents = 0;
  readonly console: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async open(browser: Browser, size = { width: 1280, height: 720 }): Promise<Tab> {
    const context = await browser.newContext({ viewport: size, ignoreHTTPSErrors: true });
    await context.grantPermissions(['camera', 'microphone', 'clipboard-read', 'clipboard-write']);
    const page = await context.newPage();
    const tab = new Tab(context, page);
    await page.addInitScript(recordConnections);
    page.on('domcontentloaded', () => (tab.documents += 1));
    page.on('console', (message) => tab.console.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => tab.console.push(`uncaught: ${error.stack ?? error.message}`));
    return tab;
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
