import { ProfileDocument } from '@chancery/api';
import { Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';

/** The document itself, for whoever knows its schema. What cannot be read is said and changes nothing. */
export function DocumentText({
  document,
  onChange,
}: {
  document: ProfileDocument;
  onChange: (document: ProfileDocument) => void;
}) {
  const [text, setText] = useState(() => JSON.stringify(document, null, 2));
  const [wrong, setWrong] = useState<readonly string[]>([]);
  const change = (typed: string) => {
    setText(typed);
    const read = readDocument(typed);
    if (Array.isArray(read)) setWrong(read);
    else {
      setWrong([]);
      onChange(read as ProfileDocument);
    }
  };
  return (
    <Stack>
      <Textarea
        label="Profile document, JSON"
        description="As the command line shows and applies it: chancery profiles show --document"
        autosize
        minRows={20}
        spellCheck={false}
        error={wrong.length > 0}
        value={text}
        onChange={(event) => change(event.currentTarget.value)}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
      />
      <ul className="findings" aria-live="polite" aria-label="What is wrong with the text">
        {wrong.map((message) => (
          <li key={message} className="finding" data-tone="bad">
            {message}
          </li>
        ))}
      </ul>
      {wrong.length > 0 && (
        <Text size="sm" c="dimmed">
          The form and the preview show the last text that could be read.
        </Text>
      )}
    </Stack>
  );
}

function readDocument(text: string): ProfileDocument | string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [`This is not JSON: ${error instanceof Error ? error.message : String(error)}`];
  }
  const parsed = ProfileDocument.safeParse(value);
  return parsed.success ? parsed.data : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}
