/** What rules look at. Who gathers it (the gateway from octets, the console from a form) is not their concern. */

export interface MessageFacts {
  readonly direction: 'outbound' | 'inbound';
  /** Envelope sender; empty for a notification. */
  readonly sender: string;
  /** Undefined: nobody who knows could be asked. */
  readonly senderGroups?: readonly string[] | undefined;
  /** Names in lower case, values unfolded. */
  readonly headers: readonly HeaderFact[];
  /** As a reader sees it, encoded words decoded. */
  readonly subject: string;
  /** Why header fields and the subject are not all here. A part of a sentence: "the journal does not keep it". */
  readonly headersUnseen?: string | undefined;
  readonly content: ContentFacts;
  /** Octets of the message as it came; undefined where that was not kept. */
  readonly size: number | undefined;
  /** What the sender's own software did already. `encrypted` only when the body really is a CMS envelope. */
  readonly protection: 'none' | 'signed' | 'encrypted';
  /** `awaited`: this gateway is to sign for the sender and its certificate is not there yet. */
  readonly signer: 'ready' | 'awaited' | 'none';
  /** Mail from outside, once it has been judged. */
  readonly authentication?: AuthenticationFacts | undefined;
  readonly recipients: readonly RecipientFacts[];
}

export interface HeaderFact {
  readonly name: string;
  readonly value: string;
}

export interface ContentFacts {
  /** The text parts. */
  readonly text: string;
  readonly attachments: readonly { readonly name: string | undefined; readonly type: string }[];
  /** Why what is listed may not be all: what is asked for and not found is then in doubt. A part of a sentence: "it is encrypted". */
  readonly unseen?: string | undefined;
}

/** In the words of RFC 8601. */
export interface AuthenticationFacts {
  readonly spf: string;
  readonly dkim: string;
  readonly dmarc: string;
}

export interface RecipientFacts {
  readonly address: string;
  /** Undefined: nobody who knows could be asked. */
  readonly groups?: readonly string[] | undefined;
  /** `unknown`: nobody who knows could be asked; that is not the same as none. */
  readonly certificate: 'good' | 'none' | 'unknown';
  /** Why there is none, or why it is unknown. */
  readonly reason?: string | undefined;
  /** Named in To or Cc. Others must not be found out from the recipient list of an envelope (Bcc). */
  readonly visible: boolean;
}
