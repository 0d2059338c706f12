// SPDX-License-Identifier: Apache-2.0

package report

// Swept is what a combination of values makes of the first order.
func (f *Folder) Swept(values []string) SweepPoint {
	p := SweepPoint{Values: values, WAN: figure(f.each(func(x *replica) (sum float64) {
		for _, o := range x.orders {
			sum += float64(o.wan)
		}
		return sum
	}))}
	o := f.order(0)
	p.P95, p.InTime, p.Verdict = o.P95, o.InTime, o.Verdict
	var delays []float64
	for _, r := range f.replicas {
		for _, x := range r.places {
			if x.WAN > 0 {
				delays = append(delays, x.Delay.Seconds())
			}
		}
	}
	if len(delays) > 0 {
		p.Delay = median(delays)
	}
	return p
}
