#include "dashboards/palette.h"

#include <math.h>
#include <stdio.h>

static const uint32_t viridis[] = {
    0x440154, 0x481467, 0x482576, 0x453781, 0x404688, 0x39558c, 0x33638d,
    0x2d718e, 0x287d8e, 0x238a8d, 0x1f968b, 0x20a386, 0x29af7f, 0x3dbc74,
    0x56c667, 0x75d054, 0x95d840, 0xbade28, 0xdde318, 0xfde725,
};
#define STEPS (sizeof viridis / sizeof *viridis - 1)

static uint32_t mix(uint32_t a, uint32_t b, int shift, double part)
{
    double from = a >> shift & 255, to = b >> shift & 255;
    return (uint32_t)lround(from + (to - from) * part) << shift;
}

uint32_t palette_ramp(double at)
{
    double place = fmin(fmax(at, 0), 1) * STEPS;
    unsigned step = place >= STEPS ? STEPS - 1 : (unsigned)place;
    uint32_t a = viridis[step], b = viridis[step + 1];
    double part = place - step;
    return mix(a, b, 16, part) | mix(a, b, 8, part) | mix(a, b, 0, part);
}

void palette_ramp_name(double at, char out[8])
{
    snprintf(out, 8, "#%06x", palette_ramp(at) & 0xffffffU);
}
