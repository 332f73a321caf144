/*
 * A document as HTML or as Markdown (CommonMark with tables), block by block: the same calls give the
 * same document in either form. Text is text: whatever is markup in it is escaped. Pure.
 *
 *   doc_begin -> doc_heading | doc_paragraph | doc_figure | doc_table ... doc_table_end ... -> doc_end
 */
#ifndef DASHBOARDS_DOC_H
#define DASHBOARDS_DOC_H

#include <stdbool.h>

#include "common/buf.h"

enum doc_form { DOC_HTML, DOC_MARKDOWN };

struct doc {
    enum doc_form form;
    struct buf *out;
    const char *sides; /* of the columns of the table that is being written */
    int column;
};

/* `language`: a BCP 47 tag, "en". `out` is initialised and borrowed until doc_end; whether memory ran
 * out is to be seen in it. */
void doc_begin(struct doc *doc, enum doc_form form, const char *language, const char *title,
               struct buf *out);
/* `level`: 2 for a chapter, 3 below it; the title is 1. */
void doc_heading(struct doc *doc, int level, const char *text);
void doc_paragraph(struct doc *doc, const char *text);
/* A picture with what is to be seen on it in words. HTML holds the SVG itself, Markdown names the
 * `file`. */
void doc_figure(struct doc *doc, const char *file, const char *words, const struct buf *svg);

/* A table. `sides` has a letter for each column, l for text and r for numbers, which are set to the
 * right; it is borrowed until doc_table_end. `heads`: as many. Then cell by cell; a row is full by
 * itself. An empty text is a figure that is missing. */
void doc_table(struct doc *doc, const char *sides, const char *const *heads);
void doc_cell(struct doc *doc, const char *text);
void doc_table_end(struct doc *doc);

void doc_end(struct doc *doc);

#endif
