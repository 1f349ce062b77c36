import type { Advice } from '@chancery/mail-policy';

/** What is likely to be a mistake; the rules decide all the same. */
export function AdviceList({ advice }: { advice: readonly Advice[] }) {
  if (advice.length === 0) return null;
  return (
    <ul className="findings" aria-label="Likely mistakes">
      {advice.map(({ code, sentence }) => (
        <li key={`${code} ${sentence}`} className="finding" data-tone="warn">
          {sentence}
        </li>
      ))}
    </ul>
  );
}
