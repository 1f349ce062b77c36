import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { AnchorHTMLAttributes, Ref } from 'react';

type AnchorAttributes = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof AnchorProps>;

function StyledAnchor(props: AnchorProps & AnchorAttributes & { ref?: Ref<HTMLAnchorElement> }) {
  return <Anchor size="sm" {...props} />;
}

function AnchorButton(
  props: ButtonProps & Omit<AnchorAttributes, keyof ButtonProps> & { ref?: Ref<HTMLAnchorElement> },
) {
  return <Button component="a" {...props} />;
}

/** A link to another page that looks like text. */
export const TextLink = createLink(StyledAnchor);
/** A link to another page that looks like a button. */
export const LinkButton = createLink(AnchorButton);
