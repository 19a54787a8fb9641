// Functions that give the same bits on every machine: they use only + − × ÷ √ in a fixed order of
// operations, never libm.
#pragma once

namespace swin::base {

double log(double x);            ///< natural logarithm, x > 0; relative error below 1e-14
double exp(double x);            ///< relative error below 1e-14 on [−700, 700]
double pow(double x, double y);  ///< x > 0: exp(y · log(x))
double sin_pi(double x);         ///< sin(π x)
double cos_pi(double x);         ///< cos(π x)
/// Quantile of the standard normal for 0 < p < 1; relative error below 1.2e-9.
/// Source: P. J. Acklam's rational approximation.
double inverse_normal(double p);

}  // namespace swin::base
