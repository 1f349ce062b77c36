/** One tree of media types, as each parser sees it. */
import { type MimeEntity, scanMessage } from '@chancery/smime';
import { MailParser } from 'mailparser';
import PostalMime from 'postal-mime';

export interface Tree {
  /** `type/subtype` in lower case. */
  readonly type: string;
  readonly parts: readonly Tree[];
  /** Codes of the doubts that our scanner reports here. */
  readonly doubts?: readonly string[];
}

export const ourTree = (bytes: Buffer): Tree => describe(scanMessage(bytes));

const describe = (entity: MimeEntity): Tree => ({
  type: entity.contentType.type,
  parts: entity.parts.map(describe),
  doubts: entity.ambiguities.map(({ code }) => code),
});

/** Cut at attached messages. */
export function withoutMessages(tree: Tree): Tree {
  return { ...tree, parts: tree.type.startsWith('message/') ? [] : tree.parts.map(withoutMessages) };
}

interface PostalMimeNode {
  readonly contentType?: { readonly parsed?: { readonly value?: string } };
  readonly childNodes: readonly PostalMimeNode[];
}

/** A string: the error it ends with. */
export async function postalMimeTree(bytes: Buffer): Promise<Tree | string> {
  try {
    const parser = new PostalMime({ forceRfc822Attachments: true });
    await parser.parse(bytes);
    const walk = (node: PostalMimeNode): Tree => ({
      type: node.contentType?.parsed?.value?.toLowerCase() || 'text/plain',
      parts: node.childNodes.map(walk),
    });
    return walk((parser as unknown as { root: PostalMimeNode }).root);
  } catch (error) {
    return (error as Error).message.slice(0, 80);
  }
}

interface MailparserNode {
  readonly node?: { readonly contentType?: string | false };
  readonly contentType?: string | false;
  readonly children?: readonly MailparserNode[];
}

export function mailparserTree(bytes: Buffer): Promise<Tree | string> {
  return new Promise((resolve) => {
    const parser = new MailParser({ skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true });
    const walk = (node: MailparserNode): Tree => ({
      type: (node.contentType || (node.node?.contentType ?? '') || 'text/plain').toLowerCase(),
      parts: (node.children ?? []).map(walk),
    });
    parser.on('data', (data) => {
      if (data.type !== 'attachment') return;
      data.content.on('end', () => data.release?.());
      data.content.resume();
    });
    parser.on('error', (error: Error) => resolve(error.message.slice(0, 80)));
    parser.on('end', () => resolve(walk((parser as unknown as { tree: MailparserNode }).tree)));
    parser.end(bytes);
  });
}
