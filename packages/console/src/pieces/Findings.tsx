import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';

export interface ShownFinding {
  readonly key: string;
  readonly tone: 'bad' | 'warn';
  readonly text: ReactNode;
}

/** What somebody must do something about, a sentence each. Renders nothing where there is nothing. */
export function Findings({ label, findings }: { label: string; findings: readonly ShownFinding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul className="findings" aria-label={label}>
      {findings.map(({ key, tone, text }) => (
        <li key={key} className="finding" data-tone={tone}>
          <IconAlertTriangle size={18} aria-hidden style={{ flex: 'none', marginTop: 2 }} />
          <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>{text}</div>
        </li>
      ))}
    </ul>
  );
}
