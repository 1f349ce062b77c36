/** The trees that Apache mime4j reads from its own test messages, beside ours: fields and parts, by name and in order. */
import { expect, it } from 'vitest';
import { type MimeEntity, scanMessage } from '../src/index.ts';
import { describeCorpus } from './corpora.ts';

interface Tree {
  /** Field names in lower case. */
  readonly fields: string[];
  readonly parts: Tree[];
}

/** Messages whose tree differs from mime4j's, each with its reason. */
const known: Readonly<Record<string, string>> = {
  'testmsgs/bad-newlines-multiple-parts-base64.msg': 'a multipart in base64 stays closed (RFC 2045 section 6.4)',
  'testmsgs/base64encoded-rfc822message-nested.msg': 'a message in base64 stays closed (RFC 2046 section 5.2.1)',
  'testmsgs/base64encoded-rfc822message.msg': 'a message in base64 stays closed (RFC 2046 section 5.2.1)',
  'mimetools-testmsgs/multi-2gifs-base64.msg': 'a message in base64 stays closed (RFC 2046 section 5.2.1)',
  'testmsgs/ending-boundaries.msg':
    'a line that goes on after its boundary is no delimiter, and is reported as boundary-prefix',
  'testmsgs/malformedHeaderStartsBody-nocrlfcrlf.msg':
    'the header ends at its empty line, not at a line without a field name, which is reported',
};

describeCorpus('mime-expected', 'trees of mime4j', (corpus) => {
  const names = ['testmsgs', 'mimetools-testmsgs'].flatMap((folder) =>
    corpus.names(`apache-mime4j/${folder}`, /\.msg$/),
  );

  it('there are eighty of them', () => {
    expect(names.length).toBe(80);
  });

  it.each(names)('%s', (name) => {
    const ours = treeOf(scanMessage(corpus.bytes(name)));
    const theirs = readTree(corpus.bytes(name.replace(/\.msg$/, '.xml')).toString('latin1'));
    const key = name.replace(/^apache-mime4j\//, '');
    if (key in known) expect(ours, known[key]).not.toEqual(theirs);
    else expect(ours).toEqual(theirs);
  });
});

const treeOf = (entity: MimeEntity): Tree => ({
  fields: entity.headers.map(({ name }) => name),
  parts: entity.parts.map(treeOf),
});

/** mime4j writes elements without attributes, and escapes whatever stands in them. */
function readTree(xml: string): Tree {
  const root: Tree = { fields: [], parts: [] };
  const open: Tree[] = [root];
  for (const [, closing, tag, text = ''] of xml.matchAll(/<(\/?)(message|body-part|field)>([^<]*)/g)) {
    const current = open.at(-1) as Tree;
    if (tag === 'field') {
      if (closing === '') current.fields.push((text.trimStart().split(':')[0] ?? '').trim().toLowerCase());
    } else if (closing === '') {
      const child: Tree = { fields: [], parts: [] };
      current.parts.push(child);
      open.push(child);
    } else open.pop();
  }
  return root.parts[0] ?? root;
}
