import type { InspectNode } from '@chancery/api';
import { Button, Group, SegmentedControl, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api.ts';
import { toBase64 } from '../files.ts';
import { formatBytes } from '../format.ts';
import { FileDrop } from '../pieces/FileDrop.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { LayerTree } from './LayerTree.tsx';
import { octetsOfText } from './read-input.ts';

const limit = 25_000_000;

/** Drop a message and see every MIME and CMS layer of it, and each judgement explained. */
export function InspectPage() {
  const [way, setWay] = useState<'file' | 'text'>('file');
  const [text, setText] = useState('');
  const [source, setSource] = useState<{ name: string; octets: Uint8Array } | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const inspect = useAct((octets: Uint8Array) => api.inspect({ body: { message: toBase64(octets) } }));
  const take = (name: string, octets: Uint8Array) => {
    setRefused(null);
    inspect.reset();
    if (octets.length > limit) {
      setSource(null);
      setRefused(
        `${name} has ${formatBytes(octets.length)}. The console takes ${formatBytes(limit)} at most: use chancery smime inspect on the command line.`,
      );
      return;
    }
    setSource({ name, octets });
    inspect.mutate(octets);
  };
  return (
    <Page title="Inspect" lead="Take a message apart. It goes to your own authority and nowhere else, and is not kept.">
      <Panel>
        <Stack>
          <Group>
            <SegmentedControl
              aria-label="How to give the message"
              value={way}
              onChange={(value) => setWay(value === 'text' ? 'text' : 'file')}
              data={[
                { value: 'file', label: 'File' },
                { value: 'text', label: 'Paste' },
              ]}
            />
          </Group>
          {way === 'file' ? (
            <FileDrop
              label={source === null ? 'Drop a message here, or choose one' : source.name}
              hint={
                source === null
                  ? 'An .eml file, or a CMS object (.p7m, .p7s, .p7c)'
                  : `${formatBytes(source.octets.length)}. Drop another to inspect that`
              }
              accept=".eml,.msg,.p7m,.p7s,.p7c,.p7b,.cer,.crt,.pem,message/rfc822"
              onFile={(file) => void file.arrayBuffer().then((buffer) => take(file.name, new Uint8Array(buffer)))}
            />
          ) : (
            <form
              onSubmit={(event) => {
                event.preventDefault();
                take('Pasted message', octetsOfText(text));
              }}
            >
              <Stack>
                <Textarea
                  label="Message source"
                  description="With all its header lines. Mail clients call it “view source”. Pasting may change line ends: a file is surer"
                  autosize
                  minRows={8}
                  maxRows={18}
                  value={text}
                  onChange={(event) => setText(event.currentTarget.value)}
                  styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
                />
                <Group justify="flex-end">
                  <Button type="submit" disabled={text.trim() === ''} loading={inspect.isPending}>
                    Inspect
                  </Button>
                </Group>
              </Stack>
            </form>
          )}
        </Stack>
      </Panel>
      {refused !== null && <ProblemAlert error={new Error(refused)} />}
      <ProblemAlert error={inspect.error} />
      {inspect.isPending && <Text role="status">Taking it apart…</Text>}
      {inspect.data !== undefined && source !== null && <Result root={inspect.data} octets={source.octets} />}
    </Page>
  );
}

function Result({ root, octets }: { root: InspectNode; octets: Uint8Array }) {
  return (
    <Panel title="Layers">
      <LayerTree root={root} octets={octets} />
    </Panel>
  );
}
