// What a report speaks of, by the names that findings/ has for it.
//
// Layer: report. Measures nothing.
#pragma once

#include "findings/budgets.h"
#include "findings/choices.h"
#include "findings/comparison.h"
#include "findings/expectation.h"
#include "findings/staging.h"
#include "findings/storage_share.h"
#include "findings/subject.h"
#include "findings/weights.h"

namespace coldload::report {

using findings::Arm;
using findings::Budget;
using findings::Claim;
using findings::Comparison;
using findings::Contrast;
using findings::DifferentWeights;
using findings::Expectation;
using findings::Fit;
using findings::Gain;
using findings::Mode;
using findings::Staging;
using findings::StorageShare;
using findings::Trials;

}  // namespace coldload::report
