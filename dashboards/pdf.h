/*
 * A PDF of a page, by whatever converter is installed: chromium, weasyprint or wkhtmltopdf, each of the
 * Debian package of that name, tried in this order. It runs as a confined child (child.h) in a directory
 * of its own, where the page lies under a name of ours, so that no name of the caller's is ever a word of
 * its command line. report.c calls it.
 */
#ifndef DASHBOARDS_PDF_H
#define DASHBOARDS_PDF_H

#include "common/buf.h"

enum pdf_converter { PDF_CHROMIUM, PDF_WEASYPRINT, PDF_WKHTMLTOPDF, PDF_AUTO, PDF_NONE };

/* "auto", "no", or the name of a converter. ERR_INVALID with the cause in `errmsg`. */
int pdf_converter_parse(const char *text, enum pdf_converter *converter, char *errmsg);

/* Appends the PDF of the page `html` to `pdf`. PDF_AUTO: by the first converter that is installed.
 * ERR_UNKNOWN when it is not, or none is; ERR_STOPPED when it took too long, ERR_INVALID when it failed
 * or wrote no PDF; ERR_IO, ERR_FULL, ERR_NOMEM. The cause is in `errmsg`. Nothing in the bytes says when
 * they were made. */
int pdf_convert(enum pdf_converter converter, const struct buf *html, struct buf *pdf,
                char *errmsg);

/* The digits of every date in a PDF's information become those of the epoch; no offset changes. */
void pdf_forget_dates(struct buf *pdf);

#endif
