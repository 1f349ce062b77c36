import { describeRule, type Rule } from '@chancery/mail-policy';
import { Text } from '@mantine/core';

/** What a rule does, in plain English, as it stands now. */
export function Explanation({ rule }: { rule: Rule }) {
  const { applies, does } = describeRule(rule);
  return (
    <div className="rule-explanation">
      <Text size="sm">{applies}</Text>
      <ul className="plain-list">
        {does.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}
