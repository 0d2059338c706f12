package sim
import ("flag";"testing";"fmt";"time";"github.com/ebbproject/ebb/ledbat";"github.com/ebbproject/ebb/link")
func ebbc() ledbat.Controller { c:=ledbat.Default(); c.MSS=1440; e,err:=ledbat.New("ebb",c); if err!=nil{panic(err)}; return e }
func TestAlone(t *testing.T){
  type row struct { name string; m float64; rtt time.Duration; bdp float64; f func(f,b *link.Config, c *FlowConfig); dur time.Duration }
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
		if len(flag.Args())>0 { last:=""; for i:=time.Duration(0);i<r.dur;i+=10*ms { w.Run(i); st:=a.String(); if st[:8]!=last { last=st[:8]; fmt.Println(i,st) } } }
		w.Run(r.dur)
		q:=p.QueueBetween(3*sec,r.dur)
		done:=time.Duration(0)
		for i,s:=range a.Trace { if s.Delivered>=100e6 { done=time.Duration(i)*SampleEvery; break } }
		fmt.Printf("%-8s U all %.3f  U 5s- %.3f q mean %v p95 %v max %v lost %d 100MB %v| %v\n", r.name, a.Goodput(0,r.dur)/(r.m*1e6*1440/1468), a.Goodput(5*sec,r.dur)/(r.m*1e6*1440/1468), q.Mean,q.P95,q.Max,a.Lost(),done,a)
	}
}

