/** A name as SQL has it: any text but the zero byte, which PostgreSQL has in no name. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const qualified = (schema: string, name: string): string =>
  `${identifier(schema)}.${identifier(name)}`;

/** A text constant, whatever `standard_conforming_strings` is. */
export const literal = (text: string): string => {
  const doubled = text.replaceAll("'", "''");
  return text.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
};

/** A value in a connection string (`dbname='…'`): a bare name with `=` in it would be taken for one. */
export const conninfo = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}='${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`)
    .join(" ");
