import { Fragment } from "react";

const ADDRESS =
  /(https:\/\/[^\s<>"'，。；：！？、（）「」]+[^\s<>"'.,;:!?)，。；：！？、（）「」])/;

/** Text as it was written, line breaks kept, with bare https addresses as links. Nothing else is markup. */
export function PlainText({ text }: { readonly text: string }) {
  return (
    <span className="plain-text" dir="auto">
      {text.split(ADDRESS).map((part, index) =>
        index % 2 === 1 ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never change places
          <a key={index} href={part} target="_blank" rel="noreferrer noopener">
            {part}
          </a>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never change places
          <Fragment key={index}>{part}</Fragment>
        ),
      )}
    </span>
  );
}
