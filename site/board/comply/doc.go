// Package comply says how far the devices of all stores have the patches that they should have, and
// how long that took: where each approved patch stands on each device that it is made for, the two
// ratios that people ask for with what they are ratios of, what is overdue, and the clocks from the
// vendor's release to the proof on the device.
//
// Everything adds up: each device, and each patch on a device, is counted in exactly one place. What
// is not known is counted as not compliant and stays in every denominator. What is excepted is shown
// apart and never counted as installed.
//
// It is pure: the board, the catalog of headquarters and the time go in, numbers come out. It keeps
// nothing and decides nothing.
package comply
