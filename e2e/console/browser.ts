/** Chromium from the machine, one page at a time; pictures and accessibility on demand. */
import { mkdirSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const PICTURES = 'artifacts/console';
const LOOKS = [
  [1440, 'light'],
  [390, 'dark'],
] as const;
const EVERY_LOOK = [...LOOKS, [390, 'light'], [1440, 'dark']] as const;

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Quiet: without these it looks up its maker's hosts. No sandbox: the tests run as root in CI.
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A visitor: cookies of their own, wide and light unless told otherwise. Errors in the page fail the test that looks. */
export class Visitor {
  readonly page: Page;
  readonly errors: string[] = [];
  readonly #context: BrowserContext;
  #looks = 0;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      // A refused request is logged by the browser itself; the page shows it in words, which the tests look at.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        this.errors.push(message.text());
      }
    });
  }

  static async enter(browser: Browser, baseURL: string): Promise<Visitor> {
    const context = await browser.newContext({
      baseURL,
      viewport: { width: 1440, height: 900 },
      acceptDownloads: true,
    });
    return new Visitor(context, await context.newPage());
  }

  /**
   * A picture wide and light and one narrow and dark; what axe finds in each, one line a finding. With
   * `CHANCERY_PICTURES=all` the other two as well, for whoever looks at them; with `none`, axe alone looks, at one of
   * the two in turn: it takes a processor for seconds each time.
   */
  async lookAt(name: string): Promise<string[]> {
    mkdirSync(PICTURES, { recursive: true });
    const found: string[] = [];
    const wanted = process.env.CHANCERY_PICTURES;
    const inTurn = LOOKS.filter((_, index) => index === this.#looks % LOOKS.length);
    this.#looks += 1;
    for (const [width, colorScheme] of wanted === 'all' ? EVERY_LOOK : wanted === 'none' ? inTurn : LOOKS) {
      await this.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await this.page.setViewportSize({ width, height: 900 });
      await this.page.waitForTimeout(150);
      if (wanted !== 'none')
        await this.page.screenshot({ path: `${PICTURES}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      // Every page of ours is one frame: no second page is opened to gather what frames say, nor what passes described.
      const axe = new AxeBuilder({ page: this.page }).setLegacyMode(true).options({ resultTypes: ['violations'] });
      const { violations } = await axe.analyze();
      for (const { id, nodes } of violations)
        found.push(`${name} ${width} ${colorScheme} ${id}: ${nodes.map((node) => node.target).join(' ')}`);
    }
    await this.page.setViewportSize({ width: 1440, height: 900 });
    await this.page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    return found;
  }

  async leave(): Promise<void> {
    await this.#context.close();
  }
}
