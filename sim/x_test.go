package sim
import ("flag";"math";"testing";"fmt";"time";"github.com/ebbproject/ebb/ledbat";"github.com/ebbproject/ebb/link")
func ebbc() ledbat.Controller { c:=ledbat.Default(); c.MSS=1440; e,err:=ledbat.New("ebb",c); if err!=nil{panic(err)}; return e }
func TestAlone(t *testing.T){
  type row struct { name string; m float64; rtt time.Duration; bdp float64; f func(f,b *link.Config, c *FlowConfig); dur time.Duration }
  if len(flag.Args())>0 {ledbat.Debug=func(f string,a ...any){fmt.Printf(f+"\n",a...)}}
  for _,r:=range []row{

   {"loss1",10,40*ms,2,func(f,b *link.Config,c *FlowConfig){f.Loss=.01},60*sec},
   {"loss5",10,40*ms,2,func(f,b *link.Config,c *FlowConfig){f.Loss=.05},60*sec},
   {"r10",20,200*ms,1,nil,10*sec},
   {"exp2",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){f.Jitter=2*ms},60*sec},
   {"exp5",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){f.Jitter=5*ms},60*sec},
   {"exp2r",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){f.Jitter=2*ms;f.JitterReorders=true},60*sec},
   {"skew100",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){c.Clock.Skew=100},300*sec},
   {"skew-500",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){c.Clock.Skew=-500},300*sec},
   {"skew500",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){c.Clock.Skew=500},300*sec},
   {"step100",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){c.Clock.Steps=[]ClockStep{{20*sec,100*ms}}},60*sec},
   {"step-100",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){c.Clock.Steps=[]ClockStep{{20*sec,-100*ms}}},60*sec},
   {"pause",50,30*ms,4,func(f,b *link.Config,c *FlowConfig){c.Pauses=[]Pause{{20*sec,2*sec}}},60*sec},
   {"geo250",250,600*ms,1,nil,20*sec},
   {"geo250l",250,600*ms,1,func(f,b *link.Config,c *FlowConfig){f.Loss=.01},20*sec},
   {"geo50",50,600*ms,1,nil,40*sec},
   {"geo10",10,600*ms,1,nil,100*sec},
   {"geo2",2,600*ms,1,nil,100*sec},
   {"256k",.256,60*ms,8,nil,60*sec},
   {"512k",.512,60*ms,8,nil,60*sec},
   {"1M",1,60*ms,4,nil,60*sec},
   {"2M",2,60*ms,4,nil,60*sec},
   {"gig",1000,300*time.Microsecond,20,nil,5*sec},
   {"gig1",1000,300*time.Microsecond,2,nil,5*sec},
  } {
		if len(flag.Args())>0 && flag.Arg(0)!=r.name { continue }
		w := NewWorld()
		bytes:=int(r.m*1e6/8*r.rtt.Seconds()*r.bdp)
		if bytes<4500 {bytes=4500}
		f:=link.Config{Rate:r.m*1e6,Delay:r.rtt/2,BufferBytes:bytes,Seed:1}
		b:=link.Config{Delay:r.rtt/2}
		c:=FlowConfig{Controller: ebbc(), MSS: 1440}
		if r.f!=nil { r.f(&f,&b,&c) }
		p := w.Path(f,b)
		a := w.Flow(p, c)
		w.Run(r.dur)
		q:=p.QueueBetween(3*sec,r.dur)
		done:=time.Duration(0)
		for i,s:=range a.Trace { if s.Delivered>=100e6 { done=time.Duration(i)*SampleEvery; break } }
		fmt.Printf("%-8s U all %.3f  U 5s- %.3f q mean %v p95 %v max %v lost %d 100MB %v| %v\n", r.name, a.Goodput(0,r.dur)/(r.m*1e6*1440/1468), a.Goodput(5*sec,r.dur)/(r.m*1e6*1440/1468), q.Mean,q.P95,q.Max,a.Lost(),done,a)
	}
}

type cubic struct { reno; wmax, k, wlast float64; epoch time.Time; minrtt, roundMin time.Duration; roundEnd time.Time }
func newCubic() *cubic { return &cubic{reno:*newReno(1440)} }
func (c *cubic) Acked(now time.Time, a ledbat.Ack) {
  if c.rtt==0 { c.rtt=a.RTT }
  c.rtt += (a.RTT-c.rtt)/8
  if c.minrtt==0||a.RTT<c.minrtt { c.minrtt=a.RTT }
  if c.cwnd<c.ssthresh { c.cwnd+=float64(a.Bytes)
    if now.After(c.roundEnd) { c.roundMin=a.RTT; c.roundEnd=now.Add(c.rtt) } else if a.RTT<c.roundMin {c.roundMin=a.RTT}
    if c.cwnd>16*c.mss && c.roundMin>c.minrtt+max(4*ms,min(16*ms,c.minrtt/8)) { c.ssthresh=c.cwnd; c.epoch=time.Time{} ; c.wmax=c.cwnd/c.mss}
    return }
  if c.epoch.IsZero() { c.epoch=now; c.k=math.Cbrt(max(0,c.wmax-c.cwnd/c.mss)/0.4) }
  t:=now.Sub(c.epoch).Seconds()+c.rtt.Seconds()
  target:=0.4*math.Pow(t-c.k,3)+c.wmax
  w:=c.cwnd/c.mss
  if target>w { c.cwnd+=c.mss*min((target-w)/w,0.5)*float64(a.Bytes)/c.mss } else { c.cwnd+=c.mss*0.01*float64(a.Bytes)/c.cwnd }
}
func (c *cubic) Lost(now time.Time, b int, sentAt time.Time) {
  if !sentAt.After(c.reacted) { return }
  w:=c.cwnd/c.mss
  if w<c.wlast { c.wmax=w*0.85 } else { c.wmax=w }
  c.wlast=w
  c.cwnd=max(c.cwnd*0.7,2*c.mss); c.ssthresh=c.cwnd; c.reacted=now; c.epoch=time.Time{}
}
func (c *cubic) Rate() float64 { if c.rtt==0 {return 0}; if c.cwnd<c.ssthresh {return 2*c.cwnd/c.rtt.Seconds()}; return 1.2*c.cwnd/c.rtt.Seconds() }
func TestCubic(t *testing.T){
  for _,bdp:=range []float64{.1,.2,.5,1,2,4,8} {
    run:=func(us bool)(float64,float64,float64,float64,*Bulk){
		w := NewWorld()
		bytes:=int(50e6/8*.030*bdp)
		p := w.Path(link.Config{Rate:50e6,Delay:15*ms,BufferBytes:bytes,Seed:1},link.Config{Delay:15*ms})
		f:=w.Flow(p, FlowConfig{Controller: newCubic(), MSS: 1440,Start:20*sec,Stop:80*sec})
		var a *Bulk
		if us { a=w.Flow(p, FlowConfig{Controller: ebbc(), MSS: 1440}) }
		w.Run(100 * sec)
		if !us { return f.Goodput(20*sec,80*sec)/1e6,f.Goodput(20*sec,25*sec)/1e6,0,0,nil }
		back:=0.0
		for i:=8000;i<10000;i++ { if a.Goodput(time.Duration(i)*SampleEvery,time.Duration(i+10)*SampleEvery)>.8*50e6*1440/1468 { back=float64(i-8000)/100; break } }
		return f.Goodput(20*sec,80*sec)/1e6,f.Goodput(20*sec,25*sec)/1e6,a.Goodput(20*sec,80*sec)/1e6,back,a
	}
	s,s5,_,_,_:=run(false); k,k5,o,back,a:=run(true)
	fmt.Printf("bdp %.1f solo %.2f with %.2f PTR %.3f (first 5 s %.3f) ours %.2f back %.2f U %.3f | %v\n",bdp,s,k,k/s,k5/s5,o,back,a.Goodput(5*sec,20*sec)/50e6*1468/1440,a)
  }
}
