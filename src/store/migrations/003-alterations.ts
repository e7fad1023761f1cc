export const alterations = `
ALTER TABLE volumes ADD COLUMN rename_to TEXT;
ALTER TABLE volumes ADD COLUMN resize_to INTEGER;
`
