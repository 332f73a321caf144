#include "dashboards/serve_files.h"

#include <string.h>

/* Each is included as the lines of a string. */
static const char page[] =
#include "dashboards/web/index.html.inc"
    ;
static const char style[] =
#include "dashboards/web/style.css.inc"
    ;
static const char icon[] =
#include "dashboards/web/icon.svg.inc"
    ;
static const char main_script[] =
#include "dashboards/web/main.js.inc"
    ;
static const char chart_script[] =
#include "dashboards/web/chart.js.inc"
    ;
static const char panels_script[] =
#include "dashboards/web/panels.js.inc"
    ;
static const char data_script[] =
#include "dashboards/web/data.js.inc"
    ;
static const char words_script[] =
#include "dashboards/web/words.js.inc"
    ;
static const char openapi[] =
#include "dashboards/web/openapi.json.inc"
    ;

#define SCRIPT "text/javascript; charset=utf-8"

const struct serve_file serve_files[] = {
    {"/", "text/html; charset=utf-8", page, sizeof page - 1},
    {"/style.css", "text/css; charset=utf-8", style, sizeof style - 1},
    {"/icon.svg", "image/svg+xml", icon, sizeof icon - 1},
    {"/main.js", SCRIPT, main_script, sizeof main_script - 1},
    {"/chart.js", SCRIPT, chart_script, sizeof chart_script - 1},
    {"/panels.js", SCRIPT, panels_script, sizeof panels_script - 1},
    {"/data.js", SCRIPT, data_script, sizeof data_script - 1},
    {"/words.js", SCRIPT, words_script, sizeof words_script - 1},
    {"/api/v1/openapi.json", "application/json", openapi, sizeof openapi - 1},
};

const size_t serve_file_count = sizeof serve_files / sizeof *serve_files;

const struct serve_file *serve_files_find(const char *path)
{
    for (size_t i = 0; i < serve_file_count; i++)
        if (strcmp(serve_files[i].path, path) == 0)
            return &serve_files[i];
    return NULL;
}
