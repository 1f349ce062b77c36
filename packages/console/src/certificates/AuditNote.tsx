import { Textarea, type TextareaProps } from '@mantine/core';

/** The note that goes into the audit trail with a change of a certificate's status. */
export function AuditNote(field: Pick<TextareaProps, 'value' | 'defaultValue' | 'error' | 'onChange' | 'onBlur'>) {
  return (
    <Textarea
      label="Note"
      description="Optional. For the audit trail; nobody outside sees it"
      autosize
      minRows={2}
      maxLength={1000}
      {...field}
    />
  );
}
