/** Thunderbird in a virtual display: shows a message and reads the verdict out of its window; composes and sends one. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Marionette } from './marionette.ts';

export interface ThunderbirdVerdict {
  /** Names of `nsICMSMessageErrors`: `SUCCESS`, `VERIFY_DIGEST_MISMATCH`, …; null when there is none. */
  readonly signature: string | null;
  readonly encryption: string | null;
  readonly signer: string | null;
  /** As the list of messages shows it. */
  readonly subject: string;
  readonly body: string;
}

export interface Letter {
  /** Address of one of the profile's identities; default: the first. */
  readonly from?: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Default: both. */
  readonly signed?: boolean;
  readonly encrypted?: boolean;
}

export class Thunderbird {
  readonly #profile: string;
  readonly #display: string;
  readonly #processes: ChildProcess[];
  readonly #client: Marionette;

  private constructor(profile: string, display: string, processes: ChildProcess[], client: Marionette) {
    this.#profile = profile;
    this.#display = display;
    this.#processes = processes;
    this.#client = client;
  }

  /** @param program folder with the program, where it is not the installed one (`programWith`) */
  static async start(profile: string, program = INSTALLED): Promise<Thunderbird> {
    const display = `:${90 + (process.pid % 400) + 400 * screens++}`;
    const log = openSync(path.join(profile, 'thunderbird.log'), 'w');
    const stdio: ['ignore', number, number] = ['ignore', log, log];
    const screen = spawn('Xvfb', [display, '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'], { stdio });
    await sleep(700);
    const running = spawn(
      path.join(program, 'thunderbird-bin'),
      ['--marionette', '--remote-allow-system-access', '--no-remote', '--profile', profile],
      {
        stdio,
        env: {
          ...process.env,
          DISPLAY: display,
          HOME: profile,
          GDK_BACKEND: 'x11',
          NO_AT_BRIDGE: '1',
          LIBGL_ALWAYS_SOFTWARE: '1',
          MOZ_DISABLE_CONTENT_SANDBOX: '1',
        },
      },
    );
    const thunderbird = new Thunderbird(
      profile,
      display,
      [running, screen],
      await Marionette.open(await portOf(profile)),
    );
    await thunderbird.#untilReady();
    return thunderbird;
  }

  /**
   * Puts a message into a local folder, opens it, and waits until its security state has settled.
   * @param hoped what is to succeed; once all of it has, nothing more is waited for
   */
  async show(message: Uint8Array, ...hoped: ('signature' | 'encryption')[]): Promise<ThunderbirdVerdict> {
    return this.#client.run<ThunderbirdVerdict>(SHOW, Buffer.from(message).toString('latin1'), hoped);
  }

  /** Composes a plain-text message, signed and encrypted, and sends it through the profile's SMTP server. */
  async send(letter: Letter): Promise<void> {
    await this.#compose(letter, 'cmd_sendNow');
  }

  /** Composes a message, leaves it in the outbox, and hands it out as it stands there. */
  async queue(letter: Letter): Promise<Buffer> {
    await this.#compose(letter, 'cmd_sendLater');
    let last = '';
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(150)) {
      const found = lastOf(path.join(this.#profile, 'Mail/Local Folders/Unsent Messages'));
      // Complete once it has not grown for a while.
      if (found === last && found.includes(`\nSubject: ${letter.subject}`)) return Buffer.from(found, 'latin1');
      last = found;
    }
    throw new Error(`Thunderbird did not write "${letter.subject}"`);
  }

  async #compose({ signed = true, encrypted = true, ...letter }: Letter, command: string): Promise<void> {
    const state = await this.#client.run<{ signed: boolean; encrypted: boolean }>(COMPOSE, letter, signed, encrypted);
    if (state.signed !== signed || state.encrypted !== encrypted)
      throw new Error(`Thunderbird would not sign or encrypt as told: ${JSON.stringify(state)}`);
    await this.#client.run(`
      const window = Services.wm.getMostRecentWindow("msgcompose");
      window.setTimeout(() => window.goDoCommand("${command}"), 0);`);
  }

  /** Adds an add-on as somebody does who chooses its file. */
  async addOn(file: string): Promise<void> {
    await this.#client.command('Addon:Install', { path: file, temporary: false });
  }

  /**
   * Types into the only password field of an add-on's page, presses its button, and waits for what the page then says.
   * @param page the end of its address
   */
  async fillIn(page: string, password: string): Promise<string> {
    return this.#client.run<string>(FILL_IN, page, password);
  }

  /** Runs the body of an async function inside the program. */
  async ask<T>(body: string, ...args: unknown[]): Promise<T> {
    return this.#client.run<T>(body, ...args);
  }

  /** A PNG of the whole screen. */
  picture(file: string): void {
    mkdirSync(path.dirname(file), { recursive: true });
    execFileSync('import', ['-display', this.#display, '-window', 'root', file]);
  }

  async stop(): Promise<void> {
    await this.#client.command('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => undefined);
    this.#client.close();
    await sleep(500);
    for (const child of this.#processes) child.kill('SIGKILL');
  }

  async #untilReady(): Promise<void> {
    for (const deadline = Date.now() + 40_000; Date.now() < deadline; await sleep(250)) {
      const ready = await this.#client
        .run<boolean>(`
          const window = Services.wm.getMostRecentWindow("mail:3pane");
          return Boolean(window?.document.getElementById("tabmail")?.currentAbout3Pane?.displayFolder);`)
        .catch(() => false);
      if (ready) return sleep(1000);
    }
    throw new Error('Thunderbird did not open its window');
  }
}

/** Virtual displays of this process: each Thunderbird has its own. */
let screens = 0;

const INSTALLED = '/usr/lib/thunderbird';

/**
 * The installed program with a `distribution` folder of its own, which is where it looks for policies: the installed one is
 * everybody's. Links, but for the file whose place says where the rest is.
 */
export function programWith(folder: string, distribution: ReadonlyMap<string, Uint8Array>): string {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(INSTALLED)) {
    const place = path.join(folder, name);
    if (name === 'thunderbird-bin') copyFileSync(path.join(INSTALLED, name), place);
    else if (name !== 'distribution') symlinkSync(path.join(INSTALLED, name), place);
  }
  for (const [name, data] of distribution) {
    const place = path.join(folder, 'distribution', name);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, data);
  }
  return folder;
}

/** The page runs in a process of its own: a script is sent there, does as a person would, and tells what the page then says. */
const FILL_IN = `
  const [page, password] = args;
  const window = Services.wm.getMostRecentWindow("mail:3pane");
  const wait = () => new Promise((r) => window.setTimeout(r, 100));
  const find = () => {
    const tabs = window.document.getElementById("tabmail").tabInfo;
    return tabs.find((one) => (one.browser?.currentURI?.spec ?? "").endsWith(page))?.browser;
  };
  const began = Date.now();
  while (!find() && Date.now() - began < 20000) await wait();
  const browser = find();
  if (!browser) throw new Error("the page " + page + " did not open");
  const act = (password) => {
    const { document } = content;
    const later = (what) => content.setTimeout(what, 100);
    const said = () => document.querySelector("[role=status]")?.textContent ?? "";
    const tell = (what) => sendAsyncMessage("test:said", what);
    const watch = (before, left) => {
      const now = said();
      if (left > 0 && (now == before || now.startsWith("One moment"))) later(() => watch(before, left - 1));
      else tell(now);
    };
    const begin = (left) => {
      const button = document.querySelector("button");
      if (document.readyState != "complete" || !button || button.disabled) {
        if (left > 0) later(() => begin(left - 1));
        else tell("the page is not there");
        return;
      }
      const before = said();
      document.querySelector("input[type=password]").value = password;
      button.click();
      watch(before, 250);
    };
    begin(50);
  };
  return new Promise((resolve) => {
    const listener = ({ data }) => {
      browser.messageManager.removeMessageListener("test:said", listener);
      resolve(data);
    };
    browser.messageManager.addMessageListener("test:said", listener);
    const script = "(" + act + ")(" + JSON.stringify(password) + ")";
    browser.messageManager.loadFrameScript("data:application/javascript;charset=utf-8," + encodeURIComponent(script), false);
  });`;

const SHOW = `
  const [raw, hoped] = args;
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const root = MailServices.accounts.localFoldersServer.rootFolder;
  if (!root.containsChildNamed("Shown")) root.createSubfolder("Shown", null);
  const folder = root.getChildNamed("Shown").QueryInterface(Ci.nsIMsgLocalMailFolder);
  const header = folder.addMessage("From - Mon Nov 23 13:00:00 2026\\r\\n" + raw);
  const window = Services.wm.getMostRecentWindow("mail:3pane");
  const tabs = window.document.getElementById("tabmail");
  // The page of an add-on may be in front of it.
  if (!tabs.currentAbout3Pane) { tabs.switchToTab(0); await new Promise((r) => window.setTimeout(r, 400)); }
  const panes = tabs.currentAbout3Pane;
  if (!panes.paneLayout.messagePaneVisible) panes.paneLayout.messagePaneVisible = true;
  if (panes.gFolder?.URI != folder.URI) { panes.displayFolder(folder.URI); await new Promise((r) => window.setTimeout(r, 400)); }
  const view = panes.messageBrowser.contentWindow;
  // Nothing of the message before may be taken for this one's.
  view.gSignatureStatus = view.gEncryptionStatus = -1;
  const body = () => view.getMessagePaneBrowser().contentDocument?.body;
  if (body()) body().textContent = "";
  let loaded = false, processed = false;
  view.addEventListener("MsgLoaded", () => { loaded = true; }, { once: true });
  view.addEventListener("smimeprocessed", () => { processed = true; }, { once: true });
  panes.threadTree.selectedIndex = panes.gDBView.findIndexOfMsgHdr(header, true);
  const uri = folder.getUriForMsg(header);
  const codes = Ci.nsICMSMessageErrors;
  const text = () => body()?.textContent ?? "";
  // The verdict comes in steps (decrypted, then verified), and none of the events comes for every message.
  let last = "", since = Date.now();
  for (const began = Date.now(); Date.now() - began < 15000;) {
    const state = [view.gMessageURI, view.gSignatureStatus, view.gEncryptionStatus].join("|");
    if (state != last) { last = state; since = Date.now(); }
    const known = loaded || view.gSignatureStatus != -1 || view.gEncryptionStatus != -1;
    const settled = Date.now() - since > (processed ? 600 : 1500);
    if (view.gMessageURI == uri && (processed || known) && settled) break;
    const good = (name) => (name == "signature" ? view.gSignatureStatus : view.gEncryptionStatus) == codes.SUCCESS;
    if (view.gMessageURI == uri && hoped.length > 0 && hoped.every(good) && text().trim() != "") break;
    await new Promise((r) => window.setTimeout(r, 50));
  }
  if (view.gMessageURI != uri) throw new Error("the message was not shown");
  const names = {};
  for (const name of Object.keys(codes)) if (typeof codes[name] == "number") names[codes[name]] = name;
  const named = (status) => (status == -1 ? null : (names[status] ?? String(status)));
  return {
    signature: named(view.gSignatureStatus),
    encryption: named(view.gEncryptionStatus),
    signer: view.gSignerCert ? view.gSignerCert.commonName : null,
    subject: header.mime2DecodedSubject,
    body: text(),
  };`;

/** It takes a free port, and writes down which. */
async function portOf(profile: string): Promise<number> {
  const file = path.join(profile, 'MarionetteActivePort');
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100))
    if (existsSync(file)) {
      const port = Number(readFileSync(file, 'utf8'));
      if (port > 0) return port;
    }
  throw new Error('Thunderbird did not open its remote protocol');
}

/** The last message of an mbox file, one character per octet; empty where there is none. */
function lastOf(mbox: string): string {
  if (!existsSync(mbox)) return '';
  const last = readFileSync(mbox, 'latin1')
    .split(/^From .*\r?\n/m)
    .at(-1);
  return (last ?? '').replaceAll(/^>(>*From )/gm, '$1');
}

const COMPOSE = `
  const [letter, signed, encrypted] = args;
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const identity = letter.from
    ? MailServices.accounts.allIdentities.find((one) => one.email == letter.from)
    : MailServices.accounts.defaultAccount.defaultIdentity;
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  Object.assign(fields, { from: identity.fullAddress, to: letter.to, subject: letter.subject, body: letter.text });
  const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
  Object.assign(params, { composeFields: fields, identity, type: Ci.nsIMsgCompType.New, format: Ci.nsIMsgCompFormat.PlainText });
  const opened = new Promise((resolve) => {
    const observer = { observe(window, topic) {
      if (topic != "domwindowopened") return;
      Services.ww.unregisterNotification(observer);
      window.addEventListener("compose-editor-ready", () => resolve(window), { once: true });
    } };
    Services.ww.registerNotification(observer);
  });
  MailServices.compose.OpenComposeWindowWithParams(null, params);
  const window = await opened;
  await new Promise((r) => window.setTimeout(r, 1000));
  // Encryption switches the signature on, and what it finds out about the recipients may switch both, some time later.
  for (let settled = 0, looks = 0; settled < 2 && looks < 40; looks++) {
    settled = window.gSendEncrypted == encrypted && window.gSendSigned == signed ? settled + 1 : 0;
    if (window.gSendEncrypted != encrypted) window.toggleEncryptMessage();
    if (window.gSendSigned != signed) window.toggleGlobalSignMessage();
    await new Promise((r) => window.setTimeout(r, 200));
  }
  return { signed: window.gSendSigned, encrypted: window.gSendEncrypted };`;
